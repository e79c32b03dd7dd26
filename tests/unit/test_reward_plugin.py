"""The plugin in ms-swift's own table of rewards."""

import runpy
from pathlib import Path

import pytest

from omnitune import rewards
from omnitune.environments import ROOT

PLUGIN = ROOT / "workflow/scripts/reward_plugin.py"
FILE = """
from swift.rewards import ORM, orms

def custom_reward(completions, **kwargs):
    return [float(answer == text) for text, answer in zip(completions, kwargs["solution"])]

def format(completions, **kwargs):
    return [7.0] * len(completions)

def short(completions, **kwargs):
    return [1.0]

class Longest(ORM):
    def __call__(self, completions, **kwargs):
        return [float(len(text)) for text in completions]

orms["put"] = lambda args=None, **kwargs: lambda completions, **columns: [3.0] * len(completions)
"""


@pytest.mark.swift
def test_ms_swift_finds_its_own_ours_and_the_users_rewards(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    from swift.rewards import orms

    before = dict(orms)
    try:
        path = tmp_path / "reward_plugin.py"  # the name that the scripts' README gives it
        path.write_text(FILE)
        monkeypatch.setenv(rewards.FILE_VARIABLE, str(path))
        runpy.run_path(str(PLUGIN))

        def rate(name: str) -> list[float]:
            reward = orms[name](args=None)
            assert reward.__name__ == name  # ms-swift's logs are told by it
            return reward(["4", "five"], columns=['{"solution": "4"}'] * 2, finish_reason=["stop", "stop"])

        assert rate("custom_reward") == [1, 0]
        assert rate("accuracy") == [1, 0]
        assert rate("format") == [7, 7], "the user's own of that name"
        assert rate("Longest") == [1, 4]
        assert rate("put") == [3, 3]
        with pytest.raises(rewards.RewardError, match=r"reward short returned 1 values for 2 completions"):
            rate("short")
        assert set(before) <= set(orms)
        assert (
            set(before) - set(rewards.REWARDS) == rewards.SWIFTS
        )  # by which a config is checked without ms-swift
    finally:
        orms.clear()
        orms.update(before)
