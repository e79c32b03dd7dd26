"""The arithmetic of whether rollout and trainer agree."""

import random
from statistics import correlation

import pytest

from omnitune.trainer.agreement import Sums, likelier_with, prompt_mistake, setting_mistakes


def test_sums_of_parts_correlate_as_the_whole_does():
    numbers = random.Random(1)
    rollout = [-numbers.expovariate(1) for _ in range(500)]
    trainer = [value + numbers.gauss(0, 0.1) for value in rollout]
    whole = Sums.of(rollout, trainer)
    parts = Sums.of(rollout[:7], trainer[:7]) + Sums() + Sums.of(rollout[7:], trainer[7:])
    assert parts.correlation == pytest.approx(whole.correlation)
    assert whole.correlation == pytest.approx(correlation(rollout, trainer))
    assert whole.mean_gap == pytest.approx(sum(abs(a - b) for a, b in zip(rollout, trainer, strict=True)) / 500)


@pytest.mark.parametrize(
    ("rollout", "trainer"),
    [([], []), ([-1.0, -2.0], [-1.0, -2.0]), ([-1.0] * 9, [-1.0] * 9), ([-0.1] * 9, [-n / 10 for n in range(9)])],
)
def test_what_has_no_spread_says_nothing(rollout: list[float], trainer: list[float]):
    assert Sums.of(rollout, trainer).correlation is None


def test_swapped_completions_do_not_correlate():
    values = [-n / 10 for n in range(20)]
    assert Sums.of(values, values).correlation == pytest.approx(1)
    assert Sums.of(values, values[::-1]).correlation == pytest.approx(-1)


@pytest.mark.parametrize(
    ("mean", "spread", "prompts", "found"),
    [
        (0.5, 0.3, 32, "own"),
        (-0.5, 0.3, 32, "other"),
        (0.5, 0.3, 7, "unknown"),  # too few, however clear
        (0.05, 1.0, 32, "unknown"),  # may be an accident: more prompts will tell
        (0.0, 1.0, 256, "either"),
        (0.0, 0.0, 256, "either"),  # a model that does not look
        (1e-9, 0.0, 256, "either"),  # rounding
    ],
)
def test_which_media_completions_were_made_from(mean: float, spread: float, prompts: int, found: str):
    signs = [1 if n % 2 else -1 for n in range(prompts)]
    assert likelier_with([mean + sign * spread for sign in signs]) == found


def test_a_sound_rollout_is_never_called_anothers():
    """Completions that hardly depend on their media: the sign of the mean is chance, and ends no training."""
    numbers = random.Random(7)
    found = [likelier_with([numbers.gauss(0.02, 1) for _ in range(8)]) for _ in range(2000)]
    # Eight values have heavier tails than the normal distribution.
    assert found.count("other") < 20


@pytest.mark.parametrize(
    ("rollout", "encoded", "response", "told"),
    [
        ([1, 2, 3], [1, 2, 3, 8, 9], [8, 9], ""),
        ([1, 2], [1, 2, 3, 8], [8], "the rollout's prompt has 2 tokens and the trainer's 3"),
        ([1, 5, 3], [1, 2, 3, 8], [8], "token 2 of the prompt is 5 in the rollout and 2 in the trainer"),
        ([1, 2, 3], [1, 2, 3, 7], [8], "the completion that is trained on is not the one that was sampled"),
        ([1, 2, 3], [1, 2, 3], [], ""),
    ],
)
def test_prompts_are_compared_token_by_token(rollout, encoded, response, told: str):
    assert prompt_mistake(rollout, encoded, response) == told


def test_settings_are_compared_name_by_name():
    assert setting_mistakes({"A": "1"}, {"A": "1", "B": "2"}, "float32", "float32") == []
    assert setting_mistakes({"A": "1", "C": "3"}, {"A": "2"}, "bfloat16", "float32") == [
        "A is 1 in the rollout and 2 in the trainer",
        "C is 3 in the rollout and not set in the trainer",
        "the rollout computes in bfloat16 and the trainer in float32",
    ]
