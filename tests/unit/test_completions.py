"""The completions that are kept of a training on rewards."""

import json
from pathlib import Path

from omnitune import completions


def step(number: int, texts: list[str], **rewards: list[float | None]) -> dict:
    """A line as ms-swift logs it."""
    return {
        "step": [str(number)] * len(texts),
        "prompt": [f"<|im_start|>user\n{text}?" for text in texts],
        "completion": texts,
        **rewards,
        "advantages": [0.0] * len(texts),
        "solution": ["4"] * len(texts),
    }


def kept(folder: Path, *steps: dict, tail: str = "") -> dict:
    logged, target = folder / "completions.jsonl", folder / "completions.json"
    logged.write_text("".join(json.dumps(line) + "\n" for line in steps) + tail)
    completions.keep(logged, target, ["right", "short"])
    return json.loads(target.read_bytes())


def test_the_ends_of_each_reward_are_kept_the_latest_of_equal_ones_first(tmp_path: Path) -> None:
    texts = [f"t{n}" for n in range(10)]
    first = step(1, texts, right=[0.0] * 9 + [1.0], short=[float(n) for n in range(10)])
    second = step(2, ["u", "v"], right=[1.0, 0.5], short=[-1.0, None])
    found = kept(tmp_path, first, second)
    assert found["sampled"] == 12
    assert list(found["rewards"]) == ["right", "short"]
    assert [(s["completion"], s["step"]) for s in found["rewards"]["right"]["best"]] == [
        ("u", 2), ("t9", 1), ("v", 2), ("t8", 1),
    ]  # fmt: skip
    assert [s["completion"] for s in found["rewards"]["short"]["best"]] == ["t9", "t8", "t7", "t6"]
    assert [s["completion"] for s in found["rewards"]["short"]["worst"]] == ["u", "t0", "t1", "t2"]
    best = found["rewards"]["right"]["best"][0]
    assert best["rewards"] == {"right": 1.0, "short": -1.0}
    assert best["prompt"] == "<|im_start|>user\nu?"


def test_a_step_that_was_repeated_and_a_torn_line_change_nothing(tmp_path: Path) -> None:
    one = step(1, ["a", "b"], right=[0.0, 1.0], short=[0.0, 0.0])
    two = step(2, ["c"], right=[0.5], short=[0.0])
    other = step(2, ["d"], right=[0.7], short=[0.0])
    found = kept(tmp_path, one, other, two, tail='{"step": ["3"], "pro')
    assert found == kept(tmp_path, one, two)
    assert found["sampled"] == 3


def test_the_same_text_is_shown_once_and_a_long_one_by_its_ends(tmp_path: Path) -> None:
    long = "a" * 3000 + "z" * 3000
    found = kept(tmp_path, step(1, ["same"] * 5 + [long], right=[1.0] * 5 + [0.0], short=[0.0] * 6))
    assert found["sampled"] == 6
    assert [s["completion"] for s in found["rewards"]["right"]["best"]] == ["same", found_of(long)]
    assert found["rewards"]["right"]["best"][1]["prompt"].startswith("…")


def found_of(text: str) -> str:
    return f"{text[:1000]} … {text[-1000:]}"


def test_no_reward_that_was_logged_is_no_error(tmp_path: Path) -> None:
    assert kept(tmp_path) == {"sampled": 0, "rewards": {}}
    assert kept(tmp_path, step(1, ["a"], other=[1.0])) == {"sampled": 1, "rewards": {}}
