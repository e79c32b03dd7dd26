# report: needs the metrics and manifests of all experiments, makes one page.
rule write_report:
    input:
        model="results/{run}/model/manifest.json",
        data="results/{run}/split/manifest.json",
        metrics=expand("results/{{run}}/{experiment}/score/metrics.json", experiment=EXPERIMENTS),
        models=LINEAGE.trained(),
        rewards=LINEAGE.trials(),
        merged=LINEAGE.final(),
        proofs=LINEAGE.proofs(),
    output:
        "results/{run}/report.html",
    log:
        "logs/{run}/write_report.log",
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        experiments=json.dumps(LINEAGE.reported()),
        version=reporting.VERSION,
    shell:
        "{PYTHON:q} {SCRIPTS:q}/report.py --run {wildcards.run:q} --split-manifest {input.data:q}"
        " --model-manifest {input.model:q} --experiments {params.experiments:q} --output {output:q}"
        " > {log:q} 2>&1"
