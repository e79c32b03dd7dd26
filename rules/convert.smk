# convert: needs a source's file or folder, makes one canonical record (or error line) per row; reads sources, media.
rule convert_source:
    input:
        lambda wildcards: cfg.sources[wildcards.source].path,
    output:
        rows="results/{run}/convert/{source}/{shard}.jsonl",
        part="results/{run}/convert/{source}/{shard}.part.json",
    log:
        "logs/{run}/convert_source/{source}.{shard}.log",
    benchmark:
        "benchmarks/{run}/convert_source/{source}.{shard}.tsv"
    resources:
        mem_mb=1000,
        runtime=240,
    params:
        format=lambda wildcards: cfg.sources[wildcards.source].format,
        task=lambda wildcards: cfg.sources[wildcards.source].task,
        columns=lambda wildcards: json.dumps(cfg.sources[wildcards.source].columns),
        shards=lambda wildcards: cfg.sources[wildcards.source].shards,
        more=lambda wildcards: source_options.for_convert(cfg.sources[wildcards.source]),
        roots=media_roots(),
        media="results/{run}/convert/media",
        content=lambda wildcards: content(cfg.sources[wildcards.source].path),
        version=converters.VERSION,
    shell:
        "{PYTHON:q} {SCRIPTS:q}/convert.py --source {wildcards.source:q} --format {params.format:q}"
        " --path {input:q} --task {params.task:q} --columns {params.columns:q} {params.roots:q}"
        " --media-dir {params.media:q} --shard {wildcards.shard:q} --shards {params.shards}"
        " {params.more:q} --output {output.rows:q} > {log:q} 2>&1"
