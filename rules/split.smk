# split: needs all validated rows, makes train, val, test and grpo, the ledger and the data's manifest;
# reads split, validate (policy, max_rejected), media.roots.
rule split_rows:
    input:
        rows=validated(".jsonl"),
        ledgers=validated(".ledger.jsonl"),
        # Which part of which file the rows are; they are looked for beside them.
        parts=validated(".part.json"),
    output:
        train="results/{run}/split/train.jsonl",
        val="results/{run}/split/val.jsonl",
        test="results/{run}/split/test.jsonl",
        grpo="results/{run}/split/grpo.jsonl",
        # The rows' lengths in tokens, line by line; empty when they were not counted.
        train_lengths="results/{run}/split/train.lengths.jsonl",
        val_lengths="results/{run}/split/val.lengths.jsonl",
        # The rows' media as they were validated.
        media="results/{run}/split/media.jsonl",
        ledger="results/{run}/split/ledger.jsonl",
        manifest="results/{run}/split/manifest.json",
    log:
        "logs/{run}/split_rows.log",
    benchmark:
        "benchmarks/{run}/split_rows.tsv"
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        sources=source_options.for_split(cfg.run, cfg.sources),
        # Media that came inside rows and repaired ones were written there.
        roots=media_roots(f"results/{cfg.run}/convert/media", f"results/{cfg.run}/validate/media"),
        val=cfg.split.val,
        test=cfg.split.test,
        seed=cfg.split.seed,
        duplicates=cfg.split.duplicates,
        near_duplicates=cfg.split.near_duplicates,
        policy=json.dumps(cfg.validate_.policy),
        max_rejected=cfg.validate_.max_rejected,
        output="results/{run}/split",
        version=splitting.VERSION,
    shell:
        "{PYTHON:q} {SCRIPTS:q}/split.py --sources {params.sources:q} {params.roots:q} --val {params.val}"
        " --test {params.test} --seed {params.seed} --duplicates {params.duplicates:q}"
        " --near-duplicates {params.near_duplicates:q} --policy {params.policy:q} --max-rejected {params.max_rejected}"
        " --need-test true --output {params.output:q} > {log:q} 2>&1"


# The data's page: needs the ledger and the rows of all sources; reads media.
rule report_data:
    input:
        data="results/{run}/split/manifest.json",
        ledger="results/{run}/split/ledger.jsonl",
        rows=validated(".jsonl"),
    output:
        "results/{run}/split/report.html",
    log:
        "logs/{run}/report_data.log",
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        sources=source_options.for_report(cfg.run, cfg.sources),
        media=section(cfg.media, without=["roots"]),
        version=data_report.VERSION,
    shell:
        "{PYTHON:q} {SCRIPTS:q}/data_report.py --run {wildcards.run:q} --ledger {input.ledger:q}"
        " --split-manifest {input.data:q} --sources {params.sources:q} --media {params.media:q}"
        " --output {output:q} > {log:q} 2>&1"
