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


def test_prompts_that_came_without_their_tokens_are_not_counted(tmp_path: Path, warned: list[str]):
    from omnitune.trainer import rollout_check

    for prompts, compared, told in (([[1, 2, 3], []], 1, 0), ([[], []], 0, 1)):
        trainer = Trainer(tmp_path)
        rollout_check.watch(trainer)
        roll(trainer, GOOD, prompts=prompts)
        roll(trainer, GOOD, prompts=prompts)
        assert json.loads((tmp_path / "rollout_check.json").read_bytes())["prompts"] == compared
        assert len(warned) == told
    assert warned[0].startswith("no prompt of the first rollout came with its tokens")


def test_a_model_that_samples_by_itself_need_not_tell_its_prompts(tmp_path: Path, warned: list[str]):
    from omnitune.trainer import rollout_check

    trainer = Trainer(tmp_path)
    trainer.use_fast_infer = False
    rollout_check.watch(trainer)
    roll(trainer, GOOD, prompts=[[], []])
    assert warned == []


def test_other_media_end_the_training_once_enough_prompts_have_told(tmp_path: Path, gains, warned: list[str]):
    """One prompt a rollout, as with the settings of the scripts."""
    from omnitune.trainer import rollout_check

    trainer = Trainer(tmp_path)
    rollout_check.watch(trainer)
    for number in range(7):
        gains[:] = [(f"a{number}", -0.5 + number / 100)]
        roll(trainer, GOOD)
    gains[:] = [("b", -0.5)]
    with pytest.raises(rollout_check.RolloutError, match=r"likelier with another row's media than with their own"):
        roll(trainer, GOOD)


def test_media_that_make_no_difference_are_warned_of_once(tmp_path: Path, gains, warned: list[str]):
    from omnitune.trainer import rollout_check

    trainer = Trainer(tmp_path)
    rollout_check.watch(trainer)
    for number in range(260):
        assert len(warned) == (number >= 256)
        gains[:] = [(str(number), 0.0)]
        roll(trainer, GOOD)
    assert "as likely with another row's media" in warned[0]
    found = json.loads((tmp_path / "rollout_check.json").read_bytes())
    assert (found["media_prompts"], found["likelier_with"]) == (256, "either")


def test_an_accident_is_looked_for_at_doublings_only(tmp_path: Path, gains, warned: list[str]):
    from omnitune.trainer import agreement, rollout_check

    trainer = Trainer(tmp_path)
    rollout_check.watch(trainer)
    values = [-0.05, -0.95] * 4 + [-0.5] * 7
    assert [agreement.likelier_with(values[:n]) for n in (8, 9, 15)] == ["unknown", "unknown", "other"]
    for number, value in enumerate([*values, 99.0]):
        gains[:] = [(str(number), value)]
        roll(trainer, GOOD)
    found = json.loads((tmp_path / "rollout_check.json").read_bytes())
    assert (found["media_prompts"], found["likelier_with"]) == (16, "unknown")


def test_what_is_not_found_out_in_time_is_told_and_left(
    tmp_path: Path, gains, warned: list[str], monkeypatch: pytest.MonkeyPatch
):
    from omnitune.trainer import rollout_check

    monkeypatch.setattr(rollout_check, "_MOST_SECONDS", 0.0)
    trainer = Trainer(tmp_path)
    rollout_check.watch(trainer)
    gains[:] = [(str(number), float(number % 2)) for number in range(3)]
    roll(trainer, GOOD)
    gains[:] = [("more", 1.0)]
    roll(trainer, GOOD)
    assert warned == [
        "whether the completions were sampled from their own media is not known after 3 prompts and 0 minutes; it "
        "is not looked for any more."
    ]
    assert json.loads((tmp_path / "rollout_check.json").read_bytes())["media_prompts"] == 3


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
