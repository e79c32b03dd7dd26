# model: needs the base checkpoint (folder or hub id), makes its manifest and a link to its folder;
# reads model.
rule inspect_model:
    input:
        base_inputs(cfg.model.path),
    output:
        "results/{run}/model/manifest.json",
    log:
        "logs/{run}/inspect_model.log",
    benchmark:
        "benchmarks/{run}/inspect_model.tsv"
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        source=cfg.model.path,
        hub=cfg.model.hub,
        revision=["--revision", cfg.model.revision] if cfg.model.revision else [],
        output=subpath(output[0], parent=True),
        version=base_model.VERSION,
    shell:
        "{SWIFT:q} {SCRIPTS:q}/model.py --source {params.source:q} --hub {params.hub:q} {params.revision:q}"
        " --output {params.output:q} > {log:q} 2>&1"
