# merge: needs the base and what was trained, makes the final model; reads merge. Where grpo cannot train sft's
# result on as an adapter, it starts from base and sft merged in the same way.
rule merge_model:
    input:
        base=lambda wildcards: LINEAGE.merged_from(wildcards.experiment)[0],
        trained=lambda wildcards: LINEAGE.merged_from(wildcards.experiment)[1],
    output:
        "results/{run}/{experiment}/merge/model/manifest.json",
    log:
        "logs/{run}/{experiment}/merge_model.log",
    benchmark:
        "benchmarks/{run}/{experiment}/merge_model.tsv"
    resources:
        mem_mb=8000,
        runtime=240,
    params:
        base=subpath(input.base, parent=True),
        trained=subpath(input.trained, parent=True),
        output=subpath(output[0], parent=True),
        version=merging.VERSION,
    shell:
        "{SWIFT:q} {SCRIPTS:q}/merge.py --base {params.base:q} --trained {params.trained:q}"
        " --output {params.output:q} > {log:q} 2>&1"


use rule merge_model as merge_start with:
    input:
        base="results/{run}/model/manifest.json",
        trained="results/{run}/{experiment}/sft/model/manifest.json",
    output:
        "results/{run}/{experiment}/grpo/start/manifest.json",
    log:
        "logs/{run}/{experiment}/merge_start.log",
    benchmark:
        "benchmarks/{run}/{experiment}/merge_start.tsv"
    params:
        base=subpath(input.base, parent=True),
        trained=subpath(input.trained, parent=True),
        output=subpath(output[0], parent=True),
        version=merging.VERSION,
