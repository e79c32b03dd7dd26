# sft: needs the base's and the data's manifests, makes the arguments file and the trained model, and before it what
# a training by length reads; reads sft, media, device, recipe, experiments.
rule cache_rows:
    input:
        rows="results/{run}/split/{part}.jsonl",
        lengths="results/{run}/split/{part}.lengths.jsonl",
    output:
        "results/{run}/split/cached/{part}/state.json",
    log:
        "logs/{run}/cache_rows.{part}.log",
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        output=subpath(output[0], parent=True),
        version=cached.VERSION,
        lock=LOCK,
    shell:
        "{SWIFT:q} {SCRIPTS:q}/cache_rows.py --rows {input.rows:q} --lengths {input.lengths:q}"
        " --output {params.output:q} > {log:q} 2>&1"


rule render_sft:
    input:
        model="results/{run}/model/manifest.json",
        data="results/{run}/split/manifest.json",
        resumed=lambda wildcards: LINEAGE.resumed(wildcards.experiment),
    output:
        "results/{run}/{experiment}/sft/args.json",
    log:
        "logs/{run}/{experiment}/render_sft.log",
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        settings=lambda wildcards: section(
            EXPERIMENTS[wildcards.experiment].sft, without=["enabled", "on_oom", "on_not_finite"]
        ),
        media=section(cfg.media, without=["roots"]),
        device=cfg.device,
        model=subpath(input.model, parent=True),
        train="results/{run}/split/train.jsonl",
        val=["--val", "results/{run}/split/val.jsonl"],
        cached=lambda wildcards: (
            ["--cached", f"results/{wildcards.run}/split/cached"] if by_length(wildcards) else []
        ),
        resumed=lambda wildcards: [content(path) for path in LINEAGE.resumed(wildcards.experiment)],
        checkpoints="results/{run}/{experiment}/sft/checkpoints",
        version=swift_args.VERSION,
        lock=LOCK,
    shell:
        "{SWIFT:q} {SCRIPTS:q}/render.py sft --settings {params.settings:q} --media {params.media:q}"
        " --device {params.device} --model {params.model:q} --train {params.train:q} {params.val:q}"
        " {params.cached:q} --checkpoints {params.checkpoints:q} --output {output:q} > {log:q} 2>&1"


rule train_sft:
    input:
        args="results/{run}/{experiment}/sft/args.json",
        model="results/{run}/model/manifest.json",
        data="results/{run}/split/manifest.json",
        cached=lambda wildcards: [
            f"results/{wildcards.run}/split/cached/{part}/state.json" for part in by_length(wildcards)
        ],
        resumed=lambda wildcards: LINEAGE.resumed(wildcards.experiment),
    output:
        "results/{run}/{experiment}/sft/model/manifest.json",
    log:
        "logs/{run}/{experiment}/train_sft.log",
    benchmark:
        "benchmarks/{run}/{experiment}/train_sft.tsv"
    retries: RETRIES
    threads: CPU_THREADS if cfg.device == "cpu" else 16
    resources:
        gpu=lambda wildcards: gpus(EXPERIMENTS[wildcards.experiment].sft.gpus),
        mem_mb=cfg.resources.train_mem_gib * 1024,
        runtime=cfg.resources.runtime_hours * 60,
        attempt=attempt,
    params:
        stage="sft",
        # Rows by content: those that only the test holds are no reason to train again.
        inputs=lambda wildcards: [
            f"--input={path}"
            for path in [
                f"results/{wildcards.run}/model/manifest.json",
                f"results/{wildcards.run}/split/train.jsonl",
                f"results/{wildcards.run}/split/val.jsonl",
                *(f"results/{wildcards.run}/split/{part}.lengths.jsonl" for part in by_length(wildcards)),
                *LINEAGE.resumed(wildcards.experiment),
            ]
        ],
        output=subpath(output[0], parent=True),
        log="logs/{run}/{experiment}/train_sft.swift.log",
        gpus=lambda wildcards: gpus(EXPERIMENTS[wildcards.experiment].sft.gpus),
        processes=lambda wildcards: EXPERIMENTS[wildcards.experiment].sft.processes,
        python=lambda wildcards, input: SWIFT,
        server=lambda wildcards, input: [],
        failures=lambda wildcards: after_failures(EXPERIMENTS[wildcards.experiment].sft),
        publish=lambda wildcards: EXPERIMENTS[wildcards.experiment].sft.publish,
        resumed=lambda wildcards: [content(path) for path in LINEAGE.resumed(wildcards.experiment)],
        version=training.VERSION,
        lock=LOCK,
    shell:
        "{PYTHON:q} {SCRIPTS:q}/train.py --stage {params.stage:q} --args {input.args:q} {params.inputs:q}"
        " --output {params.output:q} --log {params.log:q} --python {params.python:q}"
        " --gpus {params.gpus} --processes {params.processes} --granted {resources.gpu} {params.server:q}"
        " --publish {params.publish} {params.failures:q} --attempt {resources.attempt} {WATCH:q} 3>&2"
        " > {log:q} 2>&1"
