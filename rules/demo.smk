# demo: makes what the demo starts from, by the commands that everything else uses: rows and media, a random
# tiny model, and a base pre-trained and merged from it; reads demo, media, device.
DEMO_TASKS = ["digits", "tones", "shapes", "sums"]
PRETRAIN = omnitune_config.filled_pretrain(cfg)


rule demo_data:
    output:
        expand("results/{{run}}/inputs/{task}.jsonl", task=[*DEMO_TASKS, "pretrain"]),
    log:
        "logs/{run}/inputs/demo_data.log",
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        output="results/{run}/inputs",
        seed=cfg.demo.seed,
    shell:
        "{SWIFT:q} {SCRIPTS:q}/demo.py data --output {params.output:q} --seed {params.seed} > {log:q} 2>&1"


rule demo_model:
    output:
        "results/{run}/inputs/random/config.json",
    log:
        "logs/{run}/inputs/demo_model.log",
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        output=subpath(output[0], parent=True),
        seed=cfg.demo.seed,
    shell:
        "{SWIFT:q} {SCRIPTS:q}/demo.py model --output {params.output:q} --seed {params.seed} > {log:q} 2>&1"


use rule inspect_model as demo_inspect with:
    input:
        "results/{run}/inputs/random/config.json",
    output:
        "results/{run}/inputs/pretrain/start/manifest.json",
    log:
        "logs/{run}/inputs/demo_inspect.log",
    benchmark:
        "benchmarks/{run}/inputs/demo_inspect.tsv"
    params:
        source=subpath(input[0], parent=True),
        hub="huggingface",
        revision=[],
        output=subpath(output[0], parent=True),
        version=base_model.VERSION,


rule demo_convert:
    input:
        "results/{run}/inputs/pretrain.jsonl",
    output:
        "results/{run}/inputs/pretrain/train.jsonl",
    log:
        "logs/{run}/inputs/demo_convert.log",
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        root=subpath(input[0], parent=True),
    shell:
        "{PYTHON:q} {SCRIPTS:q}/convert.py --source pretrain --format messages --path {input:q} --task default"
        " --root {params.root:q} --media-dir {params.root:q}/media --output {output:q} > {log:q} 2>&1"


use rule render_sft as demo_render with:
    input:
        model="results/{run}/inputs/pretrain/start/manifest.json",
        data="results/{run}/inputs/pretrain/train.jsonl",
    output:
        "results/{run}/inputs/pretrain/args.json",
    log:
        "logs/{run}/inputs/demo_render.log",
    params:
        settings=section(PRETRAIN, without=["enabled", "on_oom", "on_not_finite"]),
        media=section(cfg.media, without=["roots"]),
        device=cfg.device,
        model=subpath(input.model, parent=True),
        train=lambda wildcards, input: input.data,
        val=[],
        cached=[],
        resumed=[],
        checkpoints="results/{run}/inputs/pretrain/checkpoints",
        version=swift_args.VERSION,
        lock=LOCK,


use rule train_sft as demo_pretrain with:
    input:
        args="results/{run}/inputs/pretrain/args.json",
        model="results/{run}/inputs/pretrain/start/manifest.json",
        data="results/{run}/inputs/pretrain/train.jsonl",
    output:
        "results/{run}/inputs/pretrain/model/manifest.json",
    log:
        "logs/{run}/inputs/demo_pretrain.log",
    benchmark:
        "benchmarks/{run}/inputs/demo_pretrain.tsv"
    resources:
        gpu=gpus(PRETRAIN.gpus),
        mem_mb=8000,
        runtime=60,
        attempt=attempt,
    params:
        stage="pretrain",
        inputs=lambda wildcards, input: [f"--input={path}" for path in (input.model, input.data)],
        output=subpath(output[0], parent=True),
        log="logs/{run}/inputs/demo_pretrain.swift.log",
        gpus=gpus(PRETRAIN.gpus),
        processes=PRETRAIN.processes,
        python=lambda wildcards, input: SWIFT,
        server=lambda wildcards, input: [],
        failures=after_failures(PRETRAIN),
        publish=PRETRAIN.publish,
        resumed=[],
        version=training.VERSION,
        lock=LOCK,


use rule merge_model as demo_merge with:
    input:
        base="results/{run}/inputs/pretrain/start/manifest.json",
        trained="results/{run}/inputs/pretrain/model/manifest.json",
    output:
        "results/{run}/inputs/base/manifest.json",
    log:
        "logs/{run}/inputs/demo_merge.log",
    benchmark:
        "benchmarks/{run}/inputs/demo_merge.tsv"
    params:
        base=subpath(input.base, parent=True),
        trained=subpath(input.trained, parent=True),
        data=[],
        output=subpath(output[0], parent=True),
        version=merging.VERSION,
