# deploy: needs the final model, makes the arguments file that `make serve` runs a server from; reads deploy, infer,
# media, device, envs.
rule render_deploy:
    input:
        "results/{run}/{experiment}/merge/model/manifest.json",
        proof=proofs,
    output:
        "results/{run}/{experiment}/deploy/args.json",
    log:
        "logs/{run}/{experiment}/render_deploy.log",
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        settings=section(cfg.deploy),
        infer=section(cfg.infer, without=["stages", "gpus"]),
        media=section(cfg.media, without=["roots"]),
        device=cfg.device,
        model=subpath(input[0], parent=True),
        name=lambda wildcards: LINEAGE.served_name(wildcards.experiment),
        own=[f"--environment={folder}" for folder in deploy_environment()],
        version=deploy_args.VERSION,
        lock=LOCK,
    shell:
        "{SWIFT:q} {SCRIPTS:q}/render.py deploy --settings {params.settings:q} --infer {params.infer:q}"
        " --media {params.media:q} --device {params.device} --model {params.model:q} --name {params.name:q}"
        " {params.own:q} --output {output:q} > {log:q} 2>&1"
