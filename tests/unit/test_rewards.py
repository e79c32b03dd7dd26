"""Rewards: their values, how they are called, and the file of a user's own."""

import asyncio
import math
from pathlib import Path
from typing import Any

import pytest

from omnitune import rewards
from omnitune.config.grpo import GrpoConfig
from omnitune.environments import ROOT
from omnitune.errors import PipelineError
from omnitune.rewards import check

GOOD = "<think>2 + 2</think>\n<answer>4</answer>"


@pytest.mark.parametrize(
    ("completion", "value"),
    [
        (GOOD, 1),
        (f"  {GOOD}\n", 1),
        ("<think></think><answer></answer>", 1),
        ("4", 0),
        ("", 0),
        ("<answer>4</answer>", 0),
        (f"{GOOD} and more", 0),
        (f"First: {GOOD}", 0),
        ("<think>a</think><answer>1</answer><answer>2</answer>", 0),
    ],
)
def test_format(completion: str, value: float):
    assert rewards.REWARDS["format"]([completion], solution=["4"]) == [value]


@pytest.mark.parametrize(
    ("completion", "solution", "value"),
    [
        ("4", "4", 1),
        (GOOD, "4", 1),
        ("<answer>0.5</answer>", "$\\frac{1}{2}$", 1),
        ("a cat", "a cat", 1),
        ("<answer>A</answer>", "<answer>A</answer>", 1),
        ("5", "4", 0),
        ("", "4", 0),
        ("a dog", "a cat", 0),
        ("4", None, 0),
        ("", "", 0),
    ],
)
def test_accuracy(completion: str, solution: str | None, value: float):
    assert rewards.REWARDS["accuracy"]([completion], solution=[solution]) == [value]


def test_the_readme_of_the_scripts_shows_this_file(tmp_path: Path):
    path = tmp_path / "reward_plugin.py"
    path.write_text(
        "import re\nfrom math import sqrt\n\n"
        "def custom_reward(completions, **kwargs):\n"
        "    rewards = []\n"
        "    for completion in completions:\n"
        "        rewards.append(float(len(completion)))\n"
        "    return rewards\n"
    )
    own = rewards.load_file(path)
    assert set(own) == {"custom_reward", "sqrt"}
    call = rewards.named("custom_reward", own["custom_reward"])
    assert call.__name__ == "custom_reward"
    assert call(["a", "bcd"], columns=['{"solution": "4"}', None], id=["x", "y"]) == [1, 3]


def test_columns_arrive_as_they_were():
    seen = {}

    def reward(completions, solution, day, missing, **more):
        seen.update(solution=solution, day=day, missing=missing, more=more)
        return [0] * len(completions)

    packed = ['{"solution": "4", "day": "2026-01-31"}', '{"solution": "5", "n": [1, "a"]}']
    assert rewards.named("r", reward)(["a", "b"], columns=packed, task=["t", "t"]) == [0, 0]
    assert seen == {
        "solution": ["4", "5"],
        "day": ["2026-01-31", None],
        "missing": [None, None],
        "more": {"task": ["t", "t"], "n": [None, [1, "a"]]},
    }


def test_a_reward_is_given_what_it_takes_and_no_more():
    def plain(completions):
        return [1.0] * len(completions)

    def picky(completions, day, *, solution):
        return [float(text == gold) for text, gold in zip(completions, solution, strict=True)]

    columns = {"columns": ['{"solution": "a", "day": 1}'] * 2, "task": ["t", "t"]}
    assert rewards.named("r", plain)(["a", "b"], **columns) == [1, 1]
    assert rewards.named("r", picky)(["a", "b"], **columns) == [1, 0]


def test_the_scripts_reward_is_accuracy():
    assert rewards.REWARDS["external_r1v_acc"] is rewards.REWARDS["accuracy"]
    assert "external_r1v_acc" in rewards.NEED_SOLUTION


def test_what_a_file_imports_or_makes_is_a_reward_too(tmp_path: Path):
    (tmp_path / "lengths_of.py").write_text(
        "def longest(completions, **_):\n    return [1.0] * len(completions)\n"
    )
    path = tmp_path / "mine.py"
    path.write_text(
        "from functools import partial\nfrom lengths_of import longest\n"
        "class Rate:\n    def __call__(self, completions, **_):\n        return [2.0] * len(completions)\n"
        "rate = Rate()\nhalf = partial(longest)\n_own = 1\n"
    )
    own = rewards.load_file(path)
    assert {"longest", "rate", "half", "Rate"} <= set(own)
    assert [rewards.named(name, own[name])(["a"]) for name in ("longest", "half", "rate")] == [[1], [1], [2]]
    names = rewards.names_in(path)
    assert names is not None
    assert {"longest", "rate", "half", "Rate"} <= names


@pytest.mark.parametrize("line", ["from all_of_it import *", 'orms["put"] = 1', "orms.update(more)"])
def test_what_only_running_tells_is_not_read_from_the_source(tmp_path: Path, line: str):
    (tmp_path / "mine.py").write_text(f"{line}\ndef reward(completions): ...\n")
    assert rewards.names_in(tmp_path / "mine.py") is None


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ([1.0], "reward r returned 1 values for 2 completions. Return one float per completion."),
        (3, "reward r returned int, not a list of floats. Return one float per completion."),
        ([1.0, math.nan], "reward r returned nan. Return a finite number, or None for no opinion."),
        ([1.0, "x"], "reward r returned 'x'. Return a finite number, or None for no opinion."),
    ],
)
def test_what_is_no_reward_is_told(value: object, sentence: str):
    with pytest.raises(rewards.RewardError) as told:
        rewards.named("r", lambda completions, **_: value)(["a", "b"])
    assert str(told.value) == sentence


def test_no_opinion_and_async_rewards_pass():
    async def reward(completions, **_):
        await asyncio.sleep(0)
        return [None, True]

    call = rewards.named("r", reward)
    assert asyncio.iscoroutinefunction(call)
    assert asyncio.run(call(["a", "b"])) == [None, 1.0]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("def f(:\n", "mine.py:1: is not Python"),
        ("\0", "mine.py: is not Python: source code string cannot contain null bytes"),
        ("import nothing_of_this_name\n", "cannot be imported: ModuleNotFoundError"),
        ("1 / 0\n", "cannot be imported: ZeroDivisionError"),
    ],
)
def test_a_broken_file_is_one_sentence(tmp_path: Path, text: str, sentence: str):
    path = tmp_path / "mine.py"
    path.write_text(text)
    with pytest.raises(PipelineError) as told:
        rewards.load_file(path)
    assert sentence in str(told.value)
    assert str(path) in str(told.value)


def test_a_training_that_cannot_begin_is_refused(tmp_path: Path):
    settings = GrpoConfig(enabled=True, rewards={"accuracy": 1})
    check.check(settings, prompts=5, solutions=5)
    with pytest.raises(PipelineError, match=r"2 of 5 prompts have no solution"):
        check.check(settings, prompts=5, solutions=3)
    with pytest.raises(PipelineError, match=r"no row is left to sample completions of"):
        check.check(settings, prompts=0, solutions=0)


def test_what_a_file_of_rewards_imports_is_not_asked_of_where_arguments_are_rendered(tmp_path: Path):
    path = tmp_path / "mine.py"
    path.write_text("import only_with_vllm\ndef mine(completions, **kwargs): ...\n")
    check.check(GrpoConfig(rewards={"mine": 1}, reward_file=str(path)), prompts=5, solutions=0)
    path.write_text("from only_with_vllm import *\n")
    check.check(GrpoConfig(rewards={"anything": 1}, reward_file=str(path)), prompts=5, solutions=0)


def test_the_function_that_the_docs_show_takes_solutions_of_any_type():
    page = (ROOT / "docs/rewards.md").read_text()
    shown: dict[str, Any] = {}
    exec(page.partition("```python\n")[2].partition("```")[0], shown)
    found = shown["custom_reward"](["It is 4.", "4", "so [1, 2]", ""], solution=[4, "5", [1, 2], None])
    assert found == [1.0, 0.0, 1.0, 0.0]


def test_a_file_is_python_whatever_its_suffix_and_may_not_end_the_program(tmp_path: Path):
    path = tmp_path / "rewards.txt"
    path.write_text(
        "def mine(completions, **kwargs):\n    import beside\n    return [beside.VALUE] * len(completions)\n"
    )
    (tmp_path / "beside.py").write_text("VALUE = 0.5\n")
    assert rewards.load_file(path)["mine"](["a", "b"]) == [0.5, 0.5]
    path.write_text("raise SystemExit(3)\n")
    with pytest.raises(PipelineError, match=r"cannot be imported: SystemExit: 3"):
        rewards.load_file(path)
    path.write_text("open('nowhere.json')\n")
    with pytest.raises(PipelineError, match=r"cannot be imported: FileNotFoundError: .*nowhere\.json"):
        rewards.load_file(path)
    with pytest.raises(PipelineError, match=r"no such file"):
        rewards.load_file(tmp_path / "none.py")


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path):
    with pytest.raises(PipelineError, match=r"cannot be read \(Is a directory\)"):
        rewards.names_in(tmp_path)
