"""The jobs of a plan, gathered by stage and experiment."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from omnitune.planning.causes import Causes


@dataclass(frozen=True)
class Job:
    """One job that would run.

    Attributes:
        stage: name of the rule file.
        experiment: empty for what all experiments share.
        gpus: devices it needs.
        mem_mb: host memory it asks for, MB; 0 when it names none.
        runtime: wall time it asks for, minutes; 0 when it names none.
        causes: why it would run.
        needs: positions in the plan of the jobs that it waits for; they come before it.
    """

    stage: str
    experiment: str = ""
    gpus: int = 0
    mem_mb: int = 0
    runtime: int = 0
    causes: Causes = field(default_factory=Causes)
    needs: Sequence[int] = ()


@dataclass(frozen=True)
class Row:
    """The jobs of a stage for one experiment."""

    stage: str
    experiment: str
    jobs: Sequence[Job]

    @property
    def most_gpus(self) -> int:
        """GPUs in use when all run at once."""
        return sum(job.gpus for job in self.jobs)

    @property
    def causes(self) -> Causes:
        """Why they would run, together."""
        return Causes.together(job.causes for job in self.jobs)


def rows(plan: Sequence[Job]) -> list[Row]:
    """One row per stage and experiment, the stages in the order in which they would be finished."""
    last = {job.stage: position for position, job in enumerate(plan)}
    found: dict[tuple[str, str], list[Job]] = {}
    for job in plan:
        found.setdefault((job.stage, job.experiment), []).append(job)
    places = sorted(found, key=lambda place: (last[place[0]], place[1]))
    return [Row(*place, found[place]) for place in places]


def most_gpus(plan: Sequence[Job]) -> int:
    """A number of GPUs that is enough for all jobs that can run at the same time.

    The GPU jobs are laid in chains in which each waits for the one before; a chain uses no more than its
    largest job.
    """
    before: list[frozenset[int]] = []  # GPU jobs that must have ended before the job begins
    chains: list[list[int]] = []
    for position, job in enumerate(plan):
        ended = frozenset().union(*(before[need] | {need} for need in job.needs))
        ended = frozenset(need for need in ended if plan[need].gpus)
        before.append(ended)
        if job.gpus:
            chain = next((chain for chain in chains if chain[-1] in ended), None)
            if chain is None:
                chains.append(chain := [])
            chain.append(position)
    return sum(max(plan[position].gpus for position in chain) for chain in chains)
