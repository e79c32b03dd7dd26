# grpo: needs what it starts from (sft's adapter, base and sft merged, or the base) and the prompts, makes the
# arguments files and the model trained on rewards; reads grpo, media, device, recipe, experiments, envs. The
# arguments do not wait for sft: a mistake in them is told before the days of its training, not after.
rule render_grpo:
    input:
        model="results/{run}/model/manifest.json",
        data="results/{run}/split/manifest.json",
        rewards=reward_files,
    output:
        "results/{run}/{experiment}/grpo/args.json",
    log:
        "logs/{run}/{experiment}/render_grpo.log",
    priority: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        settings=lambda wildcards: section(
            EXPERIMENTS[wildcards.experiment].grpo,
            without=["enabled", "lab", "on_oom", "on_not_finite", "server"],
        ),
        media=section(cfg.media, without=["roots"]),
        device=cfg.device,
        model=lambda wildcards: LINEAGE.policy(wildcards.experiment),
        adapter=lambda wildcards: [
            f"--adapter={folder}" for folder in LINEAGE.policy_adapter(wildcards.experiment)
        ],
        prompts="results/{run}/split/grpo.jsonl",
        server=lambda wildcards: [f"--server={path}" for path in server_arguments(wildcards)],
        checkpoints="results/{run}/{experiment}/grpo/checkpoints",
        version=swift_args.VERSION,
        reward_files=lambda wildcards: [content(path) for path in reward_files(wildcards)],
        rewards=rewards.VERSION,
        lock=LOCK,
    shell:
        "{SWIFT:q} {SCRIPTS:q}/render.py grpo --settings {params.settings:q} --media {params.media:q}"
        " --device {params.device} --model {params.model:q} --modules {input.model:q} {params.adapter:q}"
        " --prompts {params.prompts:q} --split-manifest {input.data:q} {params.server:q}"
        " --checkpoints {params.checkpoints:q} --output {output:q} > {log:q} 2>&1"


rule render_rollout:
    input:
        model="results/{run}/model/manifest.json",
    output:
        "results/{run}/{experiment}/grpo/rollout.json",
    log:
        "logs/{run}/{experiment}/render_rollout.log",
    priority: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        settings=lambda wildcards: section(
            EXPERIMENTS[wildcards.experiment].grpo,
            without=dict.fromkeys(["enabled", "lab", "on_oom", "on_not_finite"], True) | {"server": {"port"}},
        ),
        media=section(cfg.media, without=["roots"]),
        device=cfg.device,
        model=lambda wildcards: LINEAGE.policy(wildcards.experiment),
        version=rollout_args.VERSION,
        lock=LOCK,
    shell:
        "{SWIFT:q} {SCRIPTS:q}/render.py rollout --settings {params.settings:q} --media {params.media:q}"
        " --device {params.device} --model {params.model:q} --modules {input.model:q} --output {output:q}"
        " > {log:q} 2>&1"


# The rewards are proved on the prompts, where they will be called, before sft trains and before a GPU samples.
rule check_rewards:
    input:
        args="results/{run}/{experiment}/grpo/args.json",
        model="results/{run}/model/manifest.json",
        data="results/{run}/split/manifest.json",
        rewards=reward_files,
    output:
        "results/{run}/{experiment}/grpo/rewards.json",
    log:
        "logs/{run}/{experiment}/check_rewards.log",
    priority: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        prompts="results/{run}/split/grpo.jsonl",
        model=subpath(input.model, parent=True),
        lab=lambda wildcards: section(EXPERIMENTS[wildcards.experiment].grpo.lab),
        reward_files=lambda wildcards: [content(path) for path in reward_files(wildcards)],
        python=lambda wildcards, input: interpreter(rollout(wildcards)),
        version=reward_lab.VERSION,
        lock=lambda wildcards: lock(rollout(wildcards)),
    shell:
        "{params.python:q} {SCRIPTS:q}/check_rewards.py --args {input.args:q} --prompts {params.prompts:q}"
        " --model {params.model:q} --lab {params.lab:q} --output {output:q} > {log:q} 2>&1"


use rule train_sft as train_grpo with:
    input:
        args="results/{run}/{experiment}/grpo/args.json",
        # They must be there; times in them, or another trial of the same rewards, are no other training.
        proofs=lambda wildcards: [ancient(path) for path in LINEAGE.grpo_proofs(wildcards.experiment)],
        server=server_arguments,
        start=lambda wildcards: LINEAGE.policy_manifests(wildcards.experiment),
        data="results/{run}/split/manifest.json",
        rewards=reward_files,
    output:
        "results/{run}/{experiment}/grpo/model/manifest.json",
    log:
        "logs/{run}/{experiment}/train_grpo.log",
    benchmark:
        "benchmarks/{run}/{experiment}/train_grpo.tsv"
    resources:
        gpu=lambda wildcards: gpus(EXPERIMENTS[wildcards.experiment].grpo.gpus) + server_gpus(wildcards),
        mem_mb=cfg.resources.train_mem_gib * 1024,
        runtime=cfg.resources.runtime_hours * 60,
        attempt=attempt,
    params:
        stage="grpo",
        inputs=lambda wildcards: [
            f"--input={path}"
            for path in [
                *LINEAGE.policy_manifests(wildcards.experiment),
                *reward_files(wildcards),
                *server_arguments(wildcards),
                f"results/{wildcards.run}/split/grpo.jsonl",
            ]
        ],
        output=subpath(output[0], parent=True),
        log="logs/{run}/{experiment}/train_grpo.swift.log",
        gpus=lambda wildcards: gpus(EXPERIMENTS[wildcards.experiment].grpo.gpus),
        processes=lambda wildcards: EXPERIMENTS[wildcards.experiment].grpo.processes,
        python=lambda wildcards, input: interpreter(rollout(wildcards)),
        server=lambda wildcards, input: server(wildcards),  # of `input` too: another port is no change
        failures=lambda wildcards: after_failures(EXPERIMENTS[wildcards.experiment].grpo),
        publish="last",
        resumed=[],
        reward_files=lambda wildcards: [content(path) for path in reward_files(wildcards)],
        version=training.VERSION,
        rewards=rewards.VERSION,
        lock=lambda wildcards: lock(rollout(wildcards)),
