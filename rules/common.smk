# Shared by all stages: the checked config, the interpreters, and which stage follows which.
import json
import sys
from pathlib import Path

import xxhash

SCRIPTS = Path(workflow.basedir) / "workflow" / "scripts"
sys.path.insert(0, str(SCRIPTS))

from omnitune import (
    base_model,
    config as omnitune_config,
    converters,
    deploy_args,
    environments,
    inference,
    merging,
    reporting,
    rewards,
    scoring,
    supervisor,
    swift_args,
    swift_owned,
    training,
    validation,
)
from omnitune.converters.templates import Templates
from omnitune.errors import PipelineError
from omnitune.readers.folder import state as folder_state
from omnitune.validation import split as splitting

try:
    cfg, _experiments = omnitune_config.load(config, workflow.configfiles)
    for _experiment in _experiments:
        swift_owned.refuse_owned("sft", _experiment.sft.swift)
        swift_owned.refuse_owned("grpo", _experiment.grpo.swift)
except PipelineError as error:
    # One clean sentence: an exception here would come with Snakemake's own traceback.
    print(f"error: {error}", file=sys.stderr, flush=True)
    sys.exit(int(error.code))

EXPERIMENTS = {experiment.name: experiment for experiment in _experiments}
# Interpreters stand in shell commands as globals, not in params: another place of the cache is no change.
PYTHON = sys.executable
SWIFT = environments.python("swift", cfg.envs.swift)
LOCK = environments.lock_hash("swift")
# A tiny model's matrices are too small to share: a second thread made training slower, and results depend on it.
CPU_THREADS = 1

os.environ[supervisor.LAUNCHER] = str(os.getpid())


wildcard_constraints:
    run=cfg.run,
    source="|".join(cfg.sources),
    experiment="|".join(EXPERIMENTS),
    shard=r"\d+",
    stage="sft|grpo|merge",


onstart:
    try:
        environments.require("swift", cfg.envs.swift)
    except PipelineError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        workflow.persistence.unlock()  # Snakemake holds its lock by now, and would not free it
        os._exit(int(error.code))


def section(model, without=()):
    """A section of the config as JSON, for a command's argument, without what the command does not read."""
    return model.model_dump_json(exclude=set(without))


def content(path):
    """What a data file or folder holds, as a value that tells another content apart.

    Snakemake asks only whether a file is newer than what was made of it; one that was replaced by an older one
    (cp -p, rsync, tar) would pass. Files of the pipeline's own making it does follow.
    """
    file = Path(path)
    if file.is_dir():
        return folder_state(file)
    if path.startswith("results/") or not file.is_file():
        return ""
    state = file.stat()
    if state.st_size > 64 * 1024**2:  # hashing at every start would be felt
        return f"{state.st_size} bytes, time {state.st_mtime_ns}"
    return xxhash.xxh3_128_hexdigest(file.read_bytes())


def gpus(wanted):
    """GPUs of a job: none on a CPU."""
    return 0 if cfg.device == "cpu" else wanted


def shards(source):
    """The shard numbers of a source."""
    return range(cfg.sources[source].shards)


def validated(wildcards, kind):
    """The validate stage's files over all sources and shards; `kind` is `.jsonl` or `.ledger.jsonl`."""
    return [
        f"results/{cfg.run}/validate/{source}/{shard}{kind}" for source in cfg.sources for shard in shards(source)
    ]


def split_sources():
    """What split.py is told of each source."""
    return json.dumps(
        [
            {
                "name": name,
                "use": source.use,
                "path": source.path,
                "valid": [f"results/{cfg.run}/validate/{name}/{shard}.jsonl" for shard in shards(name)],
                "ledger": [f"results/{cfg.run}/validate/{name}/{shard}.ledger.jsonl" for shard in shards(name)],
            }
            for name, source in cfg.sources.items()
        ]
    )


def convert_options(source):
    """Arguments of convert.py for the keys of a source that are not left as they are."""
    templates = source.templates()
    options = {
        "--max-rows": source.max_rows,
        "--system": source.system,
        "--user-template": templates.user if templates.user != Templates().user else None,
        "--assistant-template": (
            (templates.assistant or "") if templates.assistant != Templates().assistant else None
        ),
        "--extract-audio": "true" if source.extract_audio else None,
    }
    # One argument each: a text may begin with a dash.
    return [f"{option}={value}" for option, value in options.items() if value is not None]


def media_roots(*more):
    """--root arguments: the config's roots, then `more`."""
    return [part for root in [*cfg.media.roots, *more] for part in ("--root", root)]


def base_inputs(path):
    """A base that the pipeline itself publishes is tracked by its manifest."""
    return [f"{path}/manifest.json"] if path.startswith("results/") else []


def trained_models(*stages):
    """Manifests of everything that the stages train; without any, of all."""
    return [
        f"results/{cfg.run}/{name}/{stage}/model/manifest.json"
        for name, experiment in EXPERIMENTS.items()
        for stage in experiment.trained
        if stage in stages or not stages
    ]


def merged_models():
    """Manifests of the final models."""
    return [
        f"results/{cfg.run}/{name}/merge/model/manifest.json"
        for name, experiment in EXPERIMENTS.items()
        if experiment.merge.enabled
    ]


def policy_model(wildcards):
    """The folder of the model that grpo trains, or trains an adapter on."""
    if EXPERIMENTS[wildcards.experiment].policy == "merged":
        return f"results/{cfg.run}/{wildcards.experiment}/grpo/start"
    return f"results/{cfg.run}/model"


def policy_adapter(wildcards):
    """The folder of the adapter that grpo trains on, if it does."""
    adapted = EXPERIMENTS[wildcards.experiment].policy == "adapter"
    return [f"results/{cfg.run}/{wildcards.experiment}/sft/model"] if adapted else []


def policy_inputs(wildcards):
    """Manifests of what grpo starts from."""
    return [f"{folder}/manifest.json" for folder in [policy_model(wildcards), *policy_adapter(wildcards)]]


def reward_file(wildcards):
    """The user's file of rewards, if there is one."""
    file = EXPERIMENTS[wildcards.experiment].grpo.reward_file
    return [file] if file else []


def merge_base(wildcards):
    """The folder of the model that the last training changed."""
    return policy_model(wildcards) if last_stage(wildcards) == "grpo" else f"results/{cfg.run}/model"


def last_stage(wildcards):
    """The training stage whose model is merged."""
    return EXPERIMENTS[wildcards.experiment].trained[-1]


def served_models():
    """Arguments files of the servers of the final models."""
    return [path.replace("merge/model/manifest.json", "deploy/args.json") for path in merged_models()]


def served_name(experiment):
    """The name by which a client asks for an experiment's model."""
    return cfg.run if experiment == "main" else f"{cfg.run}-{experiment}"


def inferred_model(wildcards):
    """The folder whose manifest describes the model that a stage's answers come from."""
    if wildcards.stage == "merge":
        return f"results/{cfg.run}/{wildcards.experiment}/merge/model"
    return policy_model(wildcards) if wildcards.stage == "grpo" else f"results/{cfg.run}/model"


def infer_models(wildcards):
    """Manifests of the models that an experiment's answers depend on: an adapter brings its base."""
    stage = f"results/{cfg.run}/{wildcards.experiment}/{wildcards.stage}/model/manifest.json"
    return sorted({stage, f"{inferred_model(wildcards)}/manifest.json"})


def answers(experiment):
    """stage -> predictions that an experiment's score reads."""
    files = {"base": f"results/{cfg.run}/base/infer.jsonl"} if "base" in cfg.infer.stages else {}
    return files | {
        stage: f"results/{cfg.run}/{experiment}/infer/{stage}.jsonl"
        for stage in EXPERIMENTS[experiment].infer_stages(cfg.infer.stages)
    }


def report_experiments():
    """What report.py is told of each experiment."""
    return json.dumps(
        [
            {
                "name": name,
                "metrics": f"results/{cfg.run}/{name}/score/metrics.json",
            }
            | {stage: f"results/{cfg.run}/{name}/{stage}/model" for stage in experiment.trained}
            | ({"merge": f"results/{cfg.run}/{name}/merge/model"} if experiment.merge.enabled else {})
            for name, experiment in EXPERIMENTS.items()
        ]
    )
