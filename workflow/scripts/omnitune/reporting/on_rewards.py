"""What the page shows of a training on rewards: their trial, curves by step, the best and worst completions."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

import msgspec
from markupsafe import Markup

from omnitune import completions
from omnitune.reporting import words
from omnitune.reporting.charts import curve
from omnitune.reporting.inputs import read
from omnitune.trainer.agreement import LEAST_CORRELATION
from omnitune.trainer.rollout_check import CORRELATION

Series = list[tuple[int, float]]
# ms-swift's name -> caption.
_MEASURES = {
    "kl": "Divergence from the start (KL)",
    "completions/mean_length": "Length of a completion, tokens",
    "completions/clipped_ratio": "Share of completions cut at the longest length",
    "frac_reward_zero_std": "Share of prompts whose completions all got the same reward",
    "clip_ratio/region_mean": "Share of tokens whose ratio was clipped",
    "clip_ratio": "Share of tokens whose ratio was clipped",
    "cispo_clip_ratio": "Share of tokens whose weight was clipped",
    CORRELATION: "Correlation of log-probabilities, vLLM's and the trainer's",
}
# From these on a training says that something is wrong.
_MANY_EQUAL, _MANY_CUT = 0.8, 0.5
_SPECIAL = ("<|im_start|>", "<|im_end|>", "<|endoftext|>")


class Trial(msgspec.Struct):
    """One reward of rewards.json."""

    weight: float
    means: dict[str, float | None]
    milliseconds: float | None = None
    notes: list[str] = []


class Lab(msgspec.Struct):
    """rewards.json: the trial of the rewards before the training."""

    prompts: int = 0
    tried: int = 0
    kinds: list[str] = []
    rewards: dict[str, Trial] = {}
    total: dict[str, float | None] = {}


class Sample(msgspec.Struct):
    """One completion."""

    step: int
    prompt: str
    completion: str
    rewards: dict[str, float] = {}


class Extremes(msgspec.Struct):
    """The ends of one reward."""

    best: list[Sample] = []
    worst: list[Sample] = []


class Completions(msgspec.Struct):
    """completions.json."""

    sampled: int = 0
    rewards: dict[str, Extremes] = {}


def on_rewards(identity: str, name: str, folder: Path, lab: str | None) -> dict[str, Any]:
    """What the template shows.

    Args:
        identity: unique on the page.
        name: of the training.
        folder: the published model.
        lab: the trial's result, if there is one.
    """
    series = read_series(folder / "training_log.jsonl")
    rewards = {key.split("/")[1]: points for key, points in series.items() if _is_reward(key)}
    kept = folder / completions.FILE
    return {
        "lab": read(Path(lab), Lab) if lab else None,
        "notes": notes(series),
        "rewards": _charts(f"{identity}-r", name, {f"Reward {key}": points for key, points in rewards.items()}),
        "measures": _charts(
            f"{identity}-m", name, {text: series[key] for key, text in _MEASURES.items() if key in series}
        ),
        "completions": _shown(read(kept, Completions)) if kept.is_file() else None,
    }


def read_series(path: Path) -> dict[str, Series]:
    """name -> values by step, of everything that was logged; of a step logged twice the last counts."""
    found: dict[str, dict[int, float]] = {}
    for line in path.read_bytes().splitlines() if path.is_file() else []:
        row = json.loads(line)
        if not isinstance(row, dict) or "global_step/max_steps" not in row:
            continue
        step = int(str(row["global_step/max_steps"]).partition("/")[0])
        for name, value in row.items():
            if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
                found.setdefault(name, {})[step] = float(value)
    return {name: sorted(points.items()) for name, points in found.items()}


def notes(series: Mapping[str, Series]) -> list[str]:
    """What a reader should look at, a sentence each."""
    told = []
    if rewards := series.get("reward"):
        first, last = _ends(rewards)
        told.append(
            f"The mean reward went from {words.number(first)} to {words.number(last)} "
            f"({words.signed(last - first)}; first and last fifth of the steps)."
        )
    equal = _ends(series["frac_reward_zero_std"])[1] if series.get("frac_reward_zero_std") else 0.0
    if equal >= _MANY_EQUAL:
        told.append(
            f"In the end all completions of {100 * equal:.0f} % of the prompts got the same reward: from those "
            "nothing is learned. Take harder or easier prompts, or a reward with more steps."
        )
    cut = _ends(series["completions/clipped_ratio"])[1] if series.get("completions/clipped_ratio") else 0.0
    if cut >= _MANY_CUT:
        told.append(
            f"In the end {100 * cut:.0f} % of the completions were cut at the longest length: raise "
            "grpo.max_completion_length, or reward brevity."
        )
    measured = series.get(CORRELATION, [])
    if low := [step for step, correlation in measured if correlation < LEAST_CORRELATION]:
        told.append(
            f"At {len(low)} of {len(measured)} steps, first at {low[0]}, the log-probabilities of vLLM and the "
            f"trainer correlate by less than {LEAST_CORRELATION}: what is sampled is not quite what is trained."
        )
    return told


def _ends(points: Series) -> tuple[float, float]:
    """Means of the first and the last fifth."""
    values = [value for _, value in points]
    part = max(1, len(values) // 5)
    return fmean(values[:part]), fmean(values[-part:])


def _is_reward(key: str) -> bool:
    return key.startswith("rewards/") and key.endswith("/mean") and key.count("/") == 2


def _charts(identity: str, name: str, named: Mapping[str, Series]) -> list[tuple[str, Markup]]:
    return [
        (title, curve(f"{identity}{number}", f"{title} by step, {name}", points, [], title[0].lower() + title[1:]))
        for number, (title, points) in enumerate(named.items())
    ]


def _shown(found: Completions) -> Completions:
    """Without the template's tokens around turns, which are no text."""
    for extremes in found.rewards.values():
        for sample in (*extremes.best, *extremes.worst):
            sample.prompt = _plain(sample.prompt)
            sample.completion = _plain(sample.completion)
    return found


def _plain(text: str) -> str:
    for token in _SPECIAL:
        text = text.replace(token, "")
    return text.strip()
