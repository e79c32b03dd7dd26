# validate: needs converted rows, makes the good ones and a verdict on every one; reads sources, validate, media.
rule validate_source:
    input:
        rows="results/{run}/convert/{source}/{shard}.jsonl",
        part="results/{run}/convert/{source}/{shard}.part.json",
        # Rows are counted by the base's own tokenizer.
        model=LINEAGE.base_manifests() if cfg.validate_.lengths else [],
    output:
        rows="results/{run}/validate/{source}/{shard}.jsonl",
        ledger="results/{run}/validate/{source}/{shard}.ledger.jsonl",
        part="results/{run}/validate/{source}/{shard}.part.json",
    log:
        "logs/{run}/validate_source/{source}.{shard}.log",
    benchmark:
        "benchmarks/{run}/validate_source/{source}.{shard}.tsv"
    threads: 1 if cfg.validate_.media == "header" else cfg.validate_.processes
    resources:
        # A process that reads media may take 2 GiB.
        mem_mb=lambda wildcards, threads: 2000 * (threads + 1),
        runtime=240,
    params:
        path=lambda wildcards: cfg.sources[wildcards.source].path,
        use=lambda wildcards: cfg.sources[wildcards.source].use,
        settings=section(cfg.validate_, without=["max_rejected", "processes", "lengths"]),
        media="results/{run}/validate/media",
        carried="results/{run}/convert/media",
        # No output: a job that fails leaves what it found out to the next.
        cache="results/{run}/validate/media-cache/{source}/{shard}.jsonl",
        contract=section(cfg.media, without=["roots"]),
        lengths=lambda wildcards: counting(cfg.sources[wildcards.source].use),
        need_solution=lambda wildcards: str(LINEAGE.needs_solution(cfg.sources[wildcards.source].use)).lower(),
        version=validation.VERSION,
    shell:
        "{PYTHON:q} {SCRIPTS:q}/validate.py --input {input.rows:q} --path {params.path:q} --use {params.use:q}"
        " --settings {params.settings:q} --media-dir {params.media:q} --carried {params.carried:q} --cache {params.cache:q}"
        " --processes {threads} --media {params.contract:q} --need-solution {params.need_solution} {params.lengths:q}"
        " --output {output.rows:q} --ledger {output.ledger:q}"
        " > {log:q} 2>&1"
