# validate: needs converted rows, makes the good ones and a verdict on every one; reads sources, validate, media.
rule validate_source:
    input:
        "results/{run}/convert/{source}/{shard}.jsonl",
    output:
        rows="results/{run}/validate/{source}/{shard}.jsonl",
        ledger="results/{run}/validate/{source}/{shard}.ledger.jsonl",
    log:
        "logs/{run}/validate_source/{source}.{shard}.log",
    benchmark:
        "benchmarks/{run}/validate_source/{source}.{shard}.tsv"
    resources:
        mem_mb=2000,
        runtime=240,
    params:
        path=lambda wildcards: cfg.sources[wildcards.source].path,
        use=lambda wildcards: cfg.sources[wildcards.source].use,
        settings=section(cfg.validate_, without=["max_rejected"]),
        media="results/{run}/validate/media",
        audio_in_video=str(cfg.media.audio_in_video).lower(),
        need_solution=str(need_solution()).lower(),
        version=validation.VERSION,
    shell:
        "{PYTHON:q} {SCRIPTS:q}/validate.py --input {input:q} --path {params.path:q} --use {params.use:q}"
        " --settings {params.settings:q} --media-dir {params.media:q}"
        " --audio-in-video {params.audio_in_video} --need-solution {params.need_solution:q}"
        " --output {output.rows:q} --ledger {output.ledger:q}"
        " > {log:q} 2>&1"
