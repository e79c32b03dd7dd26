"""GPUs that are enough, and rows by stage and experiment."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from omnitune.planning import Job
from omnitune.planning.jobs import most_gpus, rows


def job(gpus: int, *needs: int, stage: str = "sft", experiment: str = "") -> Job:
    return Job(stage, experiment, gpus=gpus, needs=needs)


def test_experiments_run_side_by_side_and_stages_one_after_the_other() -> None:
    plan = [job(0), job(2, 0), job(2, 0), job(0, 1), job(1, 3), job(1, 2)]
    assert most_gpus(plan) == 4
    assert most_gpus([job(4), job(4, 0), job(1, 1)]) == 4
    assert most_gpus([]) == 0


@given(st.lists(st.tuples(st.integers(0, 3), st.sets(st.integers(0, 6), max_size=2)), max_size=7))
def test_what_can_run_at_once_never_needs_more(drawn: list[tuple[int, set[int]]]) -> None:
    plan = [job(gpus, *(need for need in needs if need < number)) for number, (gpus, needs) in enumerate(drawn)]
    before: list[set[int]] = []
    for one in plan:
        before.append(set(one.needs).union(*(before[need] for need in one.needs)))
    for size in range(len(plan) + 1):
        for chosen in itertools.combinations(range(len(plan)), size):
            if not any(first in before[second] for first, second in itertools.combinations(chosen, 2)):
                assert most_gpus(plan) >= sum(plan[number].gpus for number in chosen)


def test_a_row_per_stage_and_experiment_in_the_order_of_their_end() -> None:
    plan = [
        job(1, stage="infer"),
        job(2, stage="sft", experiment="b"),
        job(2, stage="sft", experiment="a"),
        job(1, 2, stage="infer", experiment="a"),
    ]
    assert [(row.stage, row.experiment) for row in rows(plan)] == [
        ("sft", "a"), ("sft", "b"), ("infer", ""), ("infer", "a"),
    ]  # fmt: skip
