"""What is refused, warned of and noted of a rollout, with a trainer that is told what to answer."""

import json
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytestmark = pytest.mark.swift


class Trainer:
    """As much of ms-swift's GRPO trainer as the check looks at."""

    def __init__(self, folder: Path, dtype: str = "float32") -> None:
        import torch

        self.use_fast_infer = True
        self.model = SimpleNamespace(dtype=getattr(torch, dtype), training=True)
        self.engine = SimpleNamespace(engine=SimpleNamespace(model_config=SimpleNamespace(dtype=torch.float32)))
        self.accelerator = SimpleNamespace(is_main_process=True)
        self.args = SimpleNamespace(output_dir=str(folder))
        self._metrics: dict[str, dict[str, list[float]]] = {"train": defaultdict(list)}

    def _postprocess_rollout_outputs(self, samples: Any, outputs: Any) -> Any:
        return samples

    def _postprocess_batch(self, samples: Any, batches: Any) -> None:
        """Advantages, which the check does not look at."""


def sample(number: int, prompt: list[int], response: list[int]) -> Any:
    return SimpleNamespace(
        request_id=f"r{number}",
        encoded={"input_ids": [*prompt, *response]},
        response_token_ids=response,
        messages=[{"role": "user", "content": "Which digit?"}],
    )


def roll(trainer: Trainer, rollout: list[list[float]], prompts: list[list[int]] | None = None) -> None:
    """One rollout of two completions, whose trainer's log-probabilities are -1 ... -4."""
    import torch

    samples = [sample(0, [1, 2, 3], [8, 9]), sample(1, [1, 2, 4], [8, 9])]
    outputs = [
        SimpleNamespace(response=SimpleNamespace(prompt_token_ids=ids))
        for ids in prompts or [[1, 2, 3], [1, 2, 4]]
    ]
    batch = SimpleNamespace(
        completion_mask=torch.tensor([[1, 1, 0], [1, 1, 0]]),
        rollout_per_token_logps=torch.tensor([[*values, 0.0] for values in rollout]),
        old_per_token_logps=torch.tensor([[-1.0, -2.0, 5.0], [-3.0, -4.0, 5.0]]),
    )
    found = trainer._postprocess_rollout_outputs(samples, outputs)
    trainer._postprocess_batch(found, [{"grpo_batch": batch}])


@pytest.fixture(autouse=True)
def gains(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float]]:
    """What the probe finds: nothing, unless a test says so."""
    from omnitune.trainer import media_probe

    found: list[tuple[str, float]] = []
    monkeypatch.setattr(media_probe, "differences", lambda trainer, samples: list(found))
    return found


@pytest.fixture
def warned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    from omnitune.trainer import rollout_check

    told: list[str] = []
    monkeypatch.setattr(rollout_check, "_warn", told.append)
    return told


GOOD = [[-1.0, -2.0], [-3.0, -4.0]]


def test_agreement_is_measured_at_every_rollout_and_noted_at_the_first(tmp_path: Path, warned: list[str]):
    from omnitune.trainer import rollout_check

    trainer = Trainer(tmp_path)
    rollout_check.watch(trainer)
    roll(trainer, GOOD)
    roll(trainer, [[-1.1, -2.1], [-3.1, -4.1]])
    assert trainer._metrics["train"]["rollout/logp_correlation"] == pytest.approx([1, 1])
    assert trainer._metrics["train"]["rollout/logp_gap"] == pytest.approx([0, 0.1], abs=1e-6)
    found = json.loads((tmp_path / "rollout_check.json").read_bytes())
    assert (found["prompts"], found["tokens"], found["likelier_with"]) == (2, 4, "unknown")
    assert warned == []


def test_too_little_correlation_is_warned_of_when_it_begins(tmp_path: Path, warned: list[str]):
    from omnitune.trainer import rollout_check

    trainer = Trainer(tmp_path)
    rollout_check.watch(trainer)
    for values in (GOOD, GOOD[::-1], GOOD[::-1], GOOD, GOOD[::-1]):
        roll(trainer, values)
    assert len(warned) == 2
    assert warned[0].startswith(
        "the log-probabilities of rollout and trainer correlate by -0.6000, less than 0.99"
    )


def test_another_prompt_ends_the_training_at_the_first_rollout(tmp_path: Path):
    from omnitune.trainer import rollout_check

    trainer = Trainer(tmp_path)
    rollout_check.watch(trainer)
    with pytest.raises(rollout_check.RolloutError) as told:
        roll(trainer, GOOD, prompts=[[1, 2, 3], [1, 2, 2, 4]])
    assert str(told.value) == ("the rollout's prompt has 4 tokens and the trainer's 3 (prompt 'Which digit?').")


def test_other_media_end_the_training_once_enough_prompts_have_told(tmp_path: Path, gains, warned: list[str]):
    from omnitune.trainer import rollout_check

    trainer = Trainer(tmp_path)
    rollout_check.watch(trainer)
    gains[:] = [(f"a{n}", -0.5 + n / 100) for n in range(4)]
    roll(trainer, GOOD)
    gains[:] = [(f"b{n}", -0.5 + n / 100) for n in range(4)]
    with pytest.raises(rollout_check.RolloutError, match=r"likelier with another row's media than with their own"):
        roll(trainer, GOOD)


def test_media_that_make_no_difference_are_warned_of_once(tmp_path: Path, gains, warned: list[str]):
    from omnitune.trainer import rollout_check

    trainer = Trainer(tmp_path)
    rollout_check.watch(trainer)
    gains[:] = [(str(n), 0.0) for n in range(256)]
    roll(trainer, GOOD)
    roll(trainer, GOOD)
    assert len(warned) == 1
    assert "as likely with another row's media" in warned[0]


def test_the_types_of_numbers_must_be_equal(tmp_path: Path):
    from omnitune.trainer import rollout_check

    rollout_check.watch(Trainer(tmp_path))
    with pytest.raises(rollout_check.RolloutError, match=r"computes in float32 and the trainer in bfloat16\."):
        rollout_check.watch(Trainer(tmp_path, dtype="bfloat16"))


def test_a_servers_settings_must_be_the_trainers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from omnitune.trainer import rollout_check

    path = tmp_path / "rollout.json"
    path.write_text(json.dumps({"torch_dtype": "float32", "ENV": {"IMAGE_MAX_TOKEN_NUM": "980"}}))
    monkeypatch.setenv(rollout_check.SERVER_VARIABLE, str(path))
    monkeypatch.setenv("IMAGE_MAX_TOKEN_NUM", "980")
    rollout_check.watch(Trainer(tmp_path))
    monkeypatch.setenv("IMAGE_MAX_TOKEN_NUM", "64")
    told = r"IMAGE_MAX_TOKEN_NUM is 980 in the rollout and 64 in the trainer"
    with pytest.raises(rollout_check.RolloutError, match=told):
        rollout_check.watch(Trainer(tmp_path))


def test_a_training_without_rollouts_is_left_alone():
    from omnitune.trainer import rollout_check

    assert rollout_check.watch(SimpleNamespace()) is None
