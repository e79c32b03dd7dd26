# Shared by all stages: the checked config, the interpreters, and which stage follows which.
import json
import sys
from pathlib import Path

SCRIPTS = Path(workflow.basedir) / "workflow" / "scripts"
sys.path.insert(0, str(SCRIPTS))

from omnitune import (
    base_model,
    converters,
    data_report,
    deploy_args,
    environments,
    inference,
    launcher,
    merging,
    parity,
    reporting,
    reward_lab,
    rewards,
    rollout_args,
    scoring,
    source_options,
    swift_args,
    swift_owned,
    training,
    validation,
    verdict,
)
from omnitune.config import load as omnitune_config
from omnitune.errors import PipelineError, tell
from omnitune.lineage import Lineage
from omnitune.readers import parts
from omnitune.rewards.files import files_of
from omnitune.tokens import cached
from omnitune.validation import split as splitting

try:
    cfg, _experiments = omnitune_config.load(config, workflow.configfiles)
    deploy_args.refuse_owned(cfg.deploy.swift)
    for _experiment in _experiments:
        swift_owned.refuse_owned("sft", _experiment.sft.swift)
        swift_owned.refuse_owned("grpo", _experiment.grpo.swift)
        rollout_args.refuse_owned(_experiment.grpo.server.swift)
except PipelineError as error:
    # One clean sentence: an exception here would come with Snakemake's own traceback.
    tell(error)
    sys.exit(int(error.code))

EXPERIMENTS = {experiment.name: experiment for experiment in _experiments}
LINEAGE = Lineage(cfg.run, EXPERIMENTS)
# Interpreters stand in shell commands as globals, not in params: another place of the cache is no change.
PYTHON = sys.executable
SWIFT = environments.python("swift", cfg.envs.swift)
LOCK = environments.lock_hash("swift")
# A tiny model's matrices are too small to share: a second thread made training slower, and results depend on it.
CPU_THREADS = 1
# Where a merge's proof finds rows to ask: val may be empty, and a training on rewards has prompts alone.
PARITY_FILES = ("val", "train", "grpo")

# How whatever runs a model is watched: globals too, since waiting longer makes no result another. What they say of
# their progress goes to the terminal as well, which their shell commands keep as descriptor 3.
WATCH = [
    "--echo=3",
    f"--first-step-minutes={cfg.resources.first_step_minutes:g}",
    f"--stall-minutes={cfg.resources.stall_minutes:g}",
    f"--grace-minutes={cfg.resources.grace_minutes:g}",
]

# For rules whose commands know their attempt, and refuse one without hope. Inside of a job on a cluster there is none:
# the process that submitted it counts.
RETRIES = 0 if workflow.remote_exec else cfg.resources.retries

os.environ[launcher.VARIABLE] = str(os.getpid())
os.environ[verdict.JOB] = os.environ.get("SLURM_JOB_ID", "") if workflow.remote_exec else ""


wildcard_constraints:
    run=cfg.run,
    source="|".join(cfg.sources),
    experiment="|".join(EXPERIMENTS),
    shard=r"\d+",
    stage="sft|grpo|merge",
    part="train|val",


onstart:
    try:
        _used = {str(job.params.get("python")) for job in workflow.dag.needrun_jobs()}
        for _name in ("swift", "vllm", "vllm-cpu"):
            # One with vLLM is large: it is built when a planned job works in it.
            if _name == "swift" or str(environments.python(_name, cfg.envs.own(_name))) in _used:
                environments.provide(_name, cfg.envs.own(_name))
    except PipelineError as error:
        tell(error)
        workflow.persistence.unlock()  # Snakemake holds its lock by now, and would not free it
        os._exit(int(error.code))


def environment(engine):
    """The environment of a stage that generates with an engine: transformers, or vLLM in one of its modes."""
    return environments.of_engine(engine, cfg.device)


def interpreter(engine):
    """Its interpreter. As a parameter it must come from a function of `input`: of these Snakemake keeps no record,
    and another place of an environment makes nothing stale."""
    name = environment(engine)
    return environments.python(name, cfg.envs.own(name))


def lock(engine):
    """What its packages are."""
    return environments.lock_hash(environment(engine))


def section(model, without=()):
    """A section of the config as JSON, for a command's argument, without what the command does not read."""
    return model.model_dump_json(exclude=without if isinstance(without, dict) else set(without))


def infer_section():
    """The infer section as what renders it reads it: vLLM spreads a model over the GPUs by a flag."""
    return section(cfg.infer, without=["stages"] if cfg.infer.backend == "vllm" else ["stages", "gpus"])


def content(path):
    """What a data file or folder holds, as a value that tells another content apart.

    Snakemake asks only whether a file is newer than what was made of it; one that was replaced by an older one
    (cp -p, rsync, tar) would pass. Files of the pipeline's own making it does follow.
    """
    file = Path(path)
    return "" if path.startswith("results/") and not file.is_dir() else parts.content(file)


def after_failures(settings):
    """What train.py does when a training fails in one of two known ways."""
    return [f"--on-oom={settings.on_oom}", f"--on-not-finite={settings.on_not_finite}"]


def attempt(wildcards, attempt):
    """Which try at a job it is; Snakemake counts, with `retries`."""
    return attempt


def gpus(wanted):
    """GPUs of a job: none on a CPU."""
    return 0 if cfg.device == "cpu" else wanted


def validated(kind):
    """The validate stage's files over all sources and shards; `kind` is `.jsonl`, `.ledger.jsonl` or `.part.json`."""
    return source_options.validated(cfg.run, cfg.sources, kind)


def media_roots(*more):
    """--root arguments: the config's roots, then `more`."""
    return [part for root in [*cfg.media.roots, *more] for part in ("--root", root)]


def base_inputs(path):
    """A base that the pipeline itself publishes is tracked by its manifest."""
    return [f"{path}/manifest.json"] if path.startswith("results/") else []


def counting(use):
    """Arguments of validate.py that count rows, each held against the trainings that its source is for."""
    limits = LINEAGE.max_lengths(use)
    return ["--model", LINEAGE.base, "--limits", json.dumps(limits)] if cfg.validate_.lengths else []


def by_length(wildcards):
    """The files whose lengths a training must know, if it does."""
    return ["train", "val"] if EXPERIMENTS[wildcards.experiment].sft.by_length else []


def rollout(wildcards):
    """What samples for an experiment's grpo."""
    return EXPERIMENTS[wildcards.experiment].grpo.rollout


def server_arguments(wildcards):
    """The arguments file of the server that samples, when one does."""
    path = f"results/{wildcards.run}/{wildcards.experiment}/grpo/rollout.json"
    return [path] if rollout(wildcards) == "server" else []


def server_gpus(wildcards):
    """GPUs of that server."""
    server = EXPERIMENTS[wildcards.experiment].grpo.server
    return gpus(server.gpus) if rollout(wildcards) == "server" else 0


def server(wildcards):
    """What train.py is told of that server."""
    port = EXPERIMENTS[wildcards.experiment].grpo.server.port
    return [
        part
        for path in server_arguments(wildcards)
        for part in ("--server", path, "--server-gpus", server_gpus(wildcards), "--server-port", port)
    ]


def deploy_environment():
    """The site's own environment for a server of the final model, if it has one."""
    own = cfg.envs.own(environment(deploy_args.backend_of(cfg.deploy, cfg.device)))
    return [own] if own else []


def reward_files(wildcards):
    """The files that an experiment's rewards are made of: the user's, and those that options name."""
    return files_of(EXPERIMENTS[wildcards.experiment].grpo)


def proofs(wildcards):
    """The proof of an experiment's merge, waited for; what it says is not what an answer depends on."""
    return [ancient(path) for path in LINEAGE.proofs(wildcards.experiment)]
