"""A plan as text: the table, the reasons, the totals, the command."""

from collections.abc import Sequence

from omnitune.columns import aligned
from omnitune.planning.jobs import Job, Row, most_gpus, rows

_HEAD = ("stage", "experiment", "jobs", "GPUs each", "GPUs at most", "memory each", "time asked")


def as_text(
    plan: Sequence[Job],
    run: str,
    *,
    targets: Sequence[str] = (),
    configs: Sequence[str] = (),
    needs: Sequence[tuple[str, str]] = (),
) -> str:
    """The plan for a person.

    Args:
        plan: the jobs, each after those that it waits for.
        run: name of the run.
        targets: what was asked for; empty for the whole run.
        configs: the config files, where they are not the default one.
        needs: what trainings need, as `needs.needs` says it.
    """
    if not plan:
        return f"Nothing to do: what was asked of run {run} is there and up to date."
    table = rows(plan)
    lines = [f"Run {run}, what snakemake would do now:", ""]
    lines += aligned([_HEAD, *map(_cells, table)], right=range(2, len(_HEAD)))
    lines += ["", "Why:", *aligned(_reasons(table))]
    if needs:
        lines += ["", "What the trainings need, reckoned:", *aligned(needs)]
    lines += ["", _totals(plan), "", *_command(plan, targets, configs)]
    return "\n".join(lines)


def _cells(row: Row) -> tuple[str, ...]:
    each = max(job.gpus for job in row.jobs)
    memory = max(job.mem_mb for job in row.jobs)
    minutes = max(job.runtime for job in row.jobs)
    return (
        row.stage,
        row.experiment or "-",
        str(len(row.jobs)),
        str(each) if each else "-",
        str(row.most_gpus) if each else "-",
        f"{memory / 1024:.0f} GiB" if memory else "-",
        _duration(minutes) if minutes else "-",
    )


def _duration(minutes: int) -> str:
    """Minutes, or hours from two on."""
    return f"{minutes / 60:g} h" if minutes >= 120 else f"{minutes} min"


def _reasons(table: Sequence[Row]) -> list[tuple[str, str]]:
    """(stage and its experiments, reason); experiments with the same reasons stand together."""
    told: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for row in table:
        told.setdefault((row.stage, tuple(row.causes.sentences(row.stage))), []).append(row.experiment)
    lines = []
    for (stage, sentences), experiments in told.items():
        names = ", ".join(filter(None, experiments))
        who = f"{stage} ({names})" if names else stage
        for sentence in sentences:
            lines.append((who, sentence))
            who = ""
    return lines


def _totals(plan: Sequence[Job]) -> str:
    count = "1 job" if len(plan) == 1 else f"{len(plan)} jobs"
    largest = max(job.gpus for job in plan)
    if not largest:
        return f"{count}, no GPU."
    most = most_gpus(plan)
    more = "" if most == largest else f"; with {_gpus(most)} nothing would wait for one"
    return f"{count}; the largest needs {_gpus(largest)}{more}."


def _gpus(count: int) -> str:
    return "1 GPU" if count == 1 else f"{count} GPUs"


def _command(plan: Sequence[Job], targets: Sequence[str], configs: Sequence[str]) -> list[str]:
    # Targets stand before what takes several values: snakemake would take them for more of those.
    what = "".join(f" {target}" for target in targets)
    files = f" --configfile {' '.join(configs)}" if configs else ""
    largest = max(job.gpus for job in plan)
    if not largest:
        return [f"Run it: snakemake --cores all{what}{files}"]
    return [
        f"Run it: snakemake --cores all{what} --resources gpu={largest}{files}",
        "        gpu is the number that this machine may use. On a cluster:",
        f"        snakemake --profile profiles/slurm{what}{files}",
    ]
