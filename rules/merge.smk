# merge: needs the base and what was trained, makes the final model and proves it by asking it and them the same rows;
# reads merge, media, device, infer.gpus. Where grpo cannot train sft's result on as an adapter, it starts from base
# and sft merged and proved in the same way.
rule merge_model:
    input:
        base=lambda wildcards: LINEAGE.merged_from(wildcards.experiment)[0],
        trained=lambda wildcards: LINEAGE.merged_from(wildcards.experiment)[1],
        data="results/{run}/split/manifest.json",
    output:
        "results/{run}/{experiment}/merge/model/manifest.json",
    log:
        "logs/{run}/{experiment}/merge_model.log",
    benchmark:
        "benchmarks/{run}/{experiment}/merge_model.tsv"
    retries: RETRIES
    resources:
        mem_mb=8000,
        runtime=240,
        attempt=attempt,
    params:
        base=subpath(input.base, parent=True),
        trained=subpath(input.trained, parent=True),
        data=lambda wildcards, input: ["--data", input.data],
        output=subpath(output[0], parent=True),
        version=merging.VERSION,
    shell:
        "{SWIFT:q} {SCRIPTS:q}/merge.py --base {params.base:q} --trained {params.trained:q} {params.data:q}"
        " --output {params.output:q} --log {log:q} --attempt {resources.attempt} > {log:q} 2>&1"


rule check_merge:
    input:
        merged="results/{run}/{experiment}/merge/model/manifest.json",
        base=lambda wildcards: LINEAGE.merged_from(wildcards.experiment)[0],
        trained=lambda wildcards: LINEAGE.merged_from(wildcards.experiment)[1],
    output:
        "results/{run}/{experiment}/merge/parity.json",
    log:
        "logs/{run}/{experiment}/check_merge.log",
    benchmark:
        "benchmarks/{run}/{experiment}/check_merge.tsv"
    retries: RETRIES
    threads: CPU_THREADS if cfg.device == "cpu" else 8
    resources:
        gpu=gpus(cfg.infer.gpus),
        mem_mb=cfg.resources.infer_mem_gib * 1024,
        runtime=240,
        attempt=attempt,
    params:
        merged=subpath(input.merged, parent=True),
        base=subpath(input.base, parent=True),
        trained=subpath(input.trained, parent=True),
        rows=lambda wildcards: [f"--rows=results/{wildcards.run}/split/{part}.jsonl" for part in PARITY_FILES],
        asked=lambda wildcards: EXPERIMENTS[wildcards.experiment].merge.parity_rows,
        media=section(cfg.media, without=["roots"]),
        device=cfg.device,
        log="logs/{run}/{experiment}/check_merge.swift.log",
        gpus=gpus(cfg.infer.gpus),
        version=parity.VERSION,
        lock=LOCK,
    shell:
        "{PYTHON:q} {SCRIPTS:q}/check_merge.py --merged {params.merged:q} --base {params.base:q}"
        " --trained {params.trained:q} {params.rows:q} --count {params.asked} --media {params.media:q}"
        " --device {params.device} --output {output:q} --log {params.log:q} --python {SWIFT:q}"
        " --gpus {params.gpus} --granted {resources.gpu} --attempt {resources.attempt} {WATCH:q} 3>&2"
        " > {log:q} 2>&1"


use rule merge_model as merge_start with:
    input:
        base="results/{run}/model/manifest.json",
        trained="results/{run}/{experiment}/sft/model/manifest.json",
        data="results/{run}/split/manifest.json",
    output:
        "results/{run}/{experiment}/grpo/start/manifest.json",
    log:
        "logs/{run}/{experiment}/merge_start.log",
    benchmark:
        "benchmarks/{run}/{experiment}/merge_start.tsv"
    params:
        base=subpath(input.base, parent=True),
        trained=subpath(input.trained, parent=True),
        data=lambda wildcards, input: ["--data", input.data],
        output=subpath(output[0], parent=True),
        version=merging.VERSION,


use rule check_merge as check_start with:
    input:
        merged="results/{run}/{experiment}/grpo/start/manifest.json",
        base="results/{run}/model/manifest.json",
        trained="results/{run}/{experiment}/sft/model/manifest.json",
    output:
        "results/{run}/{experiment}/grpo/parity.json",
    log:
        "logs/{run}/{experiment}/check_start.log",
    benchmark:
        "benchmarks/{run}/{experiment}/check_start.tsv"
    params:
        merged=subpath(input.merged, parent=True),
        base=subpath(input.base, parent=True),
        trained=subpath(input.trained, parent=True),
        rows=lambda wildcards: [f"--rows=results/{wildcards.run}/split/{part}.jsonl" for part in PARITY_FILES],
        asked=lambda wildcards: EXPERIMENTS[wildcards.experiment].merge.parity_rows,
        media=section(cfg.media, without=["roots"]),
        device=cfg.device,
        log="logs/{run}/{experiment}/check_start.swift.log",
        gpus=gpus(cfg.infer.gpus),
        version=parity.VERSION,
        lock=LOCK,
