"""What is tried after a failure, and when nothing is."""

from pathlib import Path
from typing import Any

import pytest

from omnitune import remedies
from omnitune.batch_args import smaller as shrunk
from omnitune.errors import ExitCode, PipelineError
from omnitune.remedies import Remedies

ARGUMENTS = {
    "per_device_train_batch_size": 4, "per_device_eval_batch_size": 4, "gradient_accumulation_steps": 3,
    "gradient_checkpointing": "false", "learning_rate": 0.1,
}  # fmt: skip


def after(code: ExitCode, what: str = "x", kept: Remedies | None = None, **choices: Any) -> Remedies | None:
    wanted: dict[str, Any] = {"on_oom": "shrink", "on_not_finite": "retry"} | choices
    return (kept or Remedies()).after(PipelineError(what, code=code), ARGUMENTS, **wanted)


@pytest.mark.parametrize("micro", [1, 2, 3, 4, 6, 8, 9, 12])
def test_each_attempt_is_smaller_with_the_same_effective_batch_until_none_is_left(micro: int):
    now = {**ARGUMENTS, "per_device_train_batch_size": micro, "per_device_eval_batch_size": micro}
    sizes = [micro]
    while smaller := shrunk(now):
        now |= smaller
        sizes.append(now["per_device_train_batch_size"])
        assert now["per_device_train_batch_size"] * now["gradient_accumulation_steps"] == micro * 3
        assert now["per_device_eval_batch_size"] == now["per_device_train_batch_size"]
    assert sizes[-2:] == [1, 1], "at one row a pass the activations are computed again"
    assert sizes[:-1] == sorted(set(sizes), reverse=True)
    assert now["gradient_checkpointing"] == "true"
    assert now["learning_rate"] == 0.1


def test_completions_stay_as_many_a_generation():
    now = {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 1, "steps_per_generation": 4}
    assert shrunk(now)["steps_per_generation"] == 8


def test_memory_and_what_is_not_finite_have_a_remedy_when_it_is_wanted():
    smaller = after(ExitCode.GPU_MEMORY)
    assert smaller is not None
    assert smaller.arguments["per_device_train_batch_size"] == 2
    assert after(ExitCode.GPU_MEMORY, on_oom="stop") is None
    again = after(ExitCode.NOT_FINITE, "E: the loss at step 12 is nan", kept=smaller)
    assert again is not None
    assert (again.not_finite, again.arguments) == ([12], smaller.arguments)
    assert [text[:8] for text in again.told] == ["out of G", "E: the l"]
    assert after(ExitCode.NOT_FINITE, "the gradient norm at step 12 is inf", kept=again) is None
    assert after(ExitCode.NOT_FINITE, "the gradient norm at step 13 is inf", kept=again) is not None
    assert after(ExitCode.NOT_FINITE, "the loss at step 12 is nan", on_not_finite="stop") is None


@pytest.mark.parametrize("code", [ExitCode.TRAINER, ExitCode.INTERRUPTED, ExitCode.KILLED, ExitCode.DISK])
def test_other_failures_have_none(code: ExitCode):
    assert after(code, "the loss at step 12 is nan") is None


def test_they_are_kept(tmp_path: Path):
    kept = Remedies({"a": 1}, [3], ["told"])
    kept.write(tmp_path)
    assert remedies.read(tmp_path) == kept
    for text in ("", "[]", '{"b": 1}'):
        (tmp_path / remedies.FILE).write_text(text)
        assert remedies.read(tmp_path) == Remedies()
    assert remedies.read(tmp_path / "absent") == Remedies()
