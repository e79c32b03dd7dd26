# omnitune: messy multimodal data and a Qwen3-Omni checkpoint -> a fine-tuned, merged and measured model.
from snakemake.utils import min_version

min_version("9.0")


# A config file named on the command line stands for itself; this one is only the default.
if not workflow.configfiles:

    configfile: "config/config.yaml"


include: "rules/common.smk"
include: "rules/model.smk"
include: "rules/convert.smk"
include: "rules/validate.smk"
include: "rules/split.smk"
include: "rules/sft.smk"
include: "rules/grpo.smk"
include: "rules/merge.smk"
include: "rules/infer.smk"
include: "rules/score.smk"
include: "rules/report.smk"
include: "rules/deploy.smk"


if cfg.demo:

    include: "rules/demo.smk"


rule all:
    default_target: True
    input:
        f"results/{cfg.run}/split/report.html",
        f"results/{cfg.run}/report.html",
        LINEAGE.served(),
        # Rows name files beside these, so whoever removes them has them made again.
        validated(".jsonl"),


# Targets by name: snakemake data, snakemake sft, ...
rule data:
    input:
        f"results/{cfg.run}/split/report.html",
        validated(".jsonl"),


rule sft:
    input:
        LINEAGE.trained("sft"),


rule grpo:
    input:
        LINEAGE.trained("grpo"),


rule merge:
    input:
        LINEAGE.final(),
        LINEAGE.proofs(),


rule eval:
    input:
        expand("results/{run}/{experiment}/score/metrics.json", run=cfg.run, experiment=EXPERIMENTS),


rule report:
    input:
        f"results/{cfg.run}/report.html",


rule deploy:
    input:
        LINEAGE.served(),
