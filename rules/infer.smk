# infer: needs a model and the test rows, makes one answer per row, for the base and for each experiment;
# reads infer, media, device.
rule render_infer_base:
    input:
        model="results/{run}/model/manifest.json",
        data="results/{run}/split/manifest.json",
    output:
        "results/{run}/base/args.json",
    log:
        "logs/{run}/base/render_infer.log",
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        settings=infer_section(),
        media=section(cfg.media, without=["roots"]),
        device=cfg.device,
        model=subpath(input.model, parent=True),
        test="results/{run}/split/test.jsonl",
        result="results/{run}/base/raw/result.jsonl",
        adapter=[],
        version=swift_args.VERSION,
        lock=LOCK,
    shell:
        "{SWIFT:q} {SCRIPTS:q}/render.py infer --settings {params.settings:q} --media {params.media:q}"
        " --device {params.device} --model {params.model:q} --test {params.test:q}"
        " --result {params.result:q} {params.adapter:q} --output {output:q} > {log:q} 2>&1"


rule infer_base:
    input:
        args="results/{run}/base/args.json",
        models=["results/{run}/model/manifest.json"],
        data="results/{run}/split/manifest.json",
    output:
        "results/{run}/base/infer.jsonl",
    log:
        "logs/{run}/base/infer.log",
    benchmark:
        "benchmarks/{run}/base/infer.tsv"
    retries: RETRIES
    threads: CPU_THREADS if cfg.device == "cpu" else 8
    resources:
        gpu=gpus(cfg.infer.gpus),
        mem_mb=cfg.resources.infer_mem_gib * 1024,
        runtime=cfg.resources.runtime_hours * 60,
        attempt=attempt,
    params:
        models=lambda wildcards, input: [f"--input={path}" for path in input.models],
        test="results/{run}/split/test.jsonl",
        log="logs/{run}/base/infer.swift.log",
        gpus=gpus(cfg.infer.gpus),
        python=lambda wildcards, input: interpreter(cfg.infer.backend),
        version=inference.VERSION,
        lock=lock(cfg.infer.backend),
    shell:
        "{PYTHON:q} {SCRIPTS:q}/infer.py --args {input.args:q} {params.models:q} --test {params.test:q}"
        " --output {output:q} --log {params.log:q} --python {params.python:q} --gpus {params.gpus}"
        " --granted {resources.gpu} --attempt {resources.attempt} {WATCH:q} 3>&2 > {log:q} 2>&1"


use rule render_infer_base as render_infer with:
    input:
        models=lambda wildcards: LINEAGE.answering(wildcards.experiment, wildcards.stage),
        data="results/{run}/split/manifest.json",
    output:
        "results/{run}/{experiment}/infer/{stage}.args.json",
    log:
        "logs/{run}/{experiment}/render_infer.{stage}.log",
    params:
        settings=infer_section(),
        media=section(cfg.media, without=["roots"]),
        device=cfg.device,
        model=lambda wildcards: LINEAGE.beneath(wildcards.experiment, wildcards.stage),
        test="results/{run}/split/test.jsonl",
        result="results/{run}/{experiment}/infer/raw/{stage}.jsonl",
        adapter=lambda wildcards: (
            []
            if wildcards.stage == "merge"
            else ["--adapter", LINEAGE.folder(wildcards.experiment, wildcards.stage)]
        ),
        version=swift_args.VERSION,
        lock=LOCK,


use rule infer_base as infer_model with:
    input:
        args="results/{run}/{experiment}/infer/{stage}.args.json",
        models=lambda wildcards: LINEAGE.answering(wildcards.experiment, wildcards.stage),
        data="results/{run}/split/manifest.json",
        proof=lambda wildcards: proofs(wildcards) if wildcards.stage == "merge" else [],
    output:
        "results/{run}/{experiment}/infer/{stage}.jsonl",
    log:
        "logs/{run}/{experiment}/infer.{stage}.log",
    benchmark:
        "benchmarks/{run}/{experiment}/infer.{stage}.tsv"
    params:
        models=lambda wildcards, input: [f"--input={path}" for path in input.models],
        test="results/{run}/split/test.jsonl",
        log="logs/{run}/{experiment}/infer.{stage}.swift.log",
        gpus=gpus(cfg.infer.gpus),
        python=lambda wildcards, input: interpreter(cfg.infer.backend),
        version=inference.VERSION,
        lock=lock(cfg.infer.backend),
