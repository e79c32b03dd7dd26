"""Says what snakemake would run now: jobs by stage with what they ask for, and why each stage is not up to date.

Looks only: nothing is run, made, changed or locked. Exit code 78 when the config has a mistake.
"""

import argparse
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from omnitune import config_files, errors, planning, verdict

_DEFAULT = Path("config/config.yaml")


def main(argv: Sequence[str] | None = None) -> int:
    """Plan and print; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="plan.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--config", type=Path, nargs="+", metavar="FILE", help="config file, and those laid over it"
    )
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="data, sft, ... or a file (default: all)")
    args = parser.parse_args(argv)
    configs = args.config or [_DEFAULT]
    for path in configs:
        config_files.read(path)  # Snakemake would tell a missing one with a traceback
    with _nothing_left_behind(), _dag(configs, args.targets) as (workflow, dag):
        plan = _jobs(workflow, dag)
        config, experiments = workflow.globals["cfg"], workflow.globals["EXPERIMENTS"]
    named = [] if configs == [_DEFAULT] else list(map(str, configs))
    needs = planning.needs(plan, config, experiments, Path("results") / config.run)
    print(planning.as_text(plan, config.run, targets=args.targets, configs=named, needs=needs))
    return errors.ExitCode.OK


@contextmanager
def _dag(configs: Sequence[Path], targets: Sequence[str]) -> Iterator[tuple[Any, Any]]:
    """Snakemake's workflow and its jobs; the one place that uses what it does not document (it is pinned)."""
    from snakemake import api
    from snakemake.exceptions import RuleException, WorkflowError
    from snakemake.settings import types

    quiet = types.OutputSettings(dryrun=True, log_level_override=logging.ERROR)
    try:
        with api.SnakemakeApi(quiet) as snakemake:
            workflow_api = snakemake.workflow(
                resource_settings=types.ResourceSettings(cores=1),
                config_settings=types.ConfigSettings(configfiles=configs),
            )
            workflow_api.dag(types.DAGSettings(targets=set(targets), force_incomplete=True))
            workflow = workflow_api._workflow
            workflow._prepare_dag(forceall=False, ignore_incomplete=False, lock_warn_only=True)
            workflow.persistence.drop_iocache = lambda: None  # another command's file
            workflow._build_dag()
            yield workflow, workflow.dag
    except (RuleException, WorkflowError) as error:
        raise errors.PipelineError(" ".join(str(error).split())) from None


@contextmanager
def _nothing_left_behind() -> Iterator[None]:
    """Snakemake makes its folders before it looks into them."""
    folder = Path(".snakemake")
    there = {folder, *folder.glob("*")} if folder.exists() else set()
    try:
        yield
    finally:
        for path in [*folder.glob("*"), folder]:
            if path not in there:
                with suppress(OSError):  # not empty: another command uses it by now
                    path.rmdir()


def _jobs(workflow: Any, dag: Any) -> list[planning.Job]:
    """The jobs that would run, each after those that it waits for."""
    order = {rule: number for number, rule in enumerate(workflow.rules)}
    jobs = [
        job
        for level in dag.toposorted()
        for job in sorted(level, key=lambda job: (order[job.rule], str(job.output)))
        if dag.needrun(job) and not job.rule.norun
    ]
    position = {job: number for number, job in enumerate(jobs)}
    return [
        planning.Job(
            stage=_stage(job),
            experiment=job.wildcards_dict.get("experiment", ""),
            gpus=job.resources.get("gpu", 0),
            mem_mb=job.resources.get("mem_mb", 0),
            runtime=job.resources.get("runtime", 0),
            causes=_causes(job, dag, workflow.persistence),
            needs=[position[need] for need in dag.dependencies[job] if need in position],
        )
        for job in jobs
    ]


def _stage(job: Any) -> str:
    return Path(str(job.rule.snakefile)).stem


def _causes(job: Any, dag: Any, persistence: Any) -> planning.Causes:
    reason = dag.reason(job)
    missing = sorted(reason.missing_output)
    unfinished = bool(persistence._filter_incomplete_keys(map(str, job.output)))
    failed = bool(missing) and not unfinished and _failed(job)
    gone = [] if failed else [path for path in missing if persistence.metadata(path)]
    known = not missing and persistence.has_metadata(job)
    # Snakemake does not look for changes in a job that runs for another reason.
    inputs_then = set(persistence.input(job.output[0]) or ()) if known else set()
    inputs_now = set(map(str, job.input)) if known else set()
    return planning.Causes(
        settings=_settings(job, persistence) if known else [],
        newer=sorted(reason.updated_input),
        added=sorted(inputs_now - inputs_then),
        dropped=sorted(inputs_then - inputs_now),
        command=known and any(persistence.code_changed(job)),
        unfinished=unfinished,
        failed=failed,
        gone=gone,
        missing=[path for path in missing if path not in gone],
        remade_by=[_stage(need) for need in dag.dependencies[job] if dag.needrun(need)],
    )


def _failed(job: Any) -> bool:
    """Whether the last attempt did not end well: Snakemake's records hold it all the same."""
    logs = [log for log in map(Path, job.log) if log.exists()]
    # A job that is killed tells nothing; but its benchmark is written when it succeeds only.
    killed = bool(job.benchmark) and not Path(job.benchmark).exists()
    return bool(logs) and (killed or any(map(verdict.last_error, logs)))


def _settings(job: Any, persistence: Any) -> list[str]:
    change = persistence.params_changed(job)
    if not change:
        return []
    now = {name: repr(value) for name, value in job.params.items() if repr(value) in change.only_new}
    return planning.differences(_stage(job), now, change.only_old)


if __name__ == "__main__":
    errors.run(main)
