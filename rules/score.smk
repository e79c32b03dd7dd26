# score: needs the answers of the compared models, makes metrics by task and their comparison; reads score.
rule score_predictions:
    input:
        lambda wildcards: LINEAGE.answers(wildcards.experiment, cfg.infer.stages).values(),
    output:
        "results/{run}/{experiment}/score/metrics.json",
    log:
        "logs/{run}/{experiment}/score_predictions.log",
    benchmark:
        "benchmarks/{run}/{experiment}/score_predictions.tsv"
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        predictions=lambda wildcards: [
            f"{stage}={file}" for stage, file in LINEAGE.answers(wildcards.experiment, cfg.infer.stages).items()
        ],
        tasks=json.dumps(cfg.score.tasks),
        version=scoring.VERSION,
    shell:
        "{PYTHON:q} {SCRIPTS:q}/score.py --predictions {params.predictions:q} --tasks {params.tasks:q}"
        " --output {output:q} > {log:q} 2>&1"
