"""The trial of rewards: sound ones pass with a table, each planted fault is stopped with its sentence."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from children import is_gone, wait_for
from tally import Count

from omnitune.config.grpo import LabConfig
from omnitune.demo.tokenizer import write_tokenizer
from omnitune.errors import PipelineError
from omnitune.reward_lab import lab
from omnitune.reward_lab.completions import GOLD, KINDS


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    write_tokenizer(folder)
    return folder


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    path = tmp_path / "grpo.jsonl"
    rows = [
        {
            "id": f"sums/{number:08d}",
            "messages": [{"role": "user", "content": f"{number} + 1 = ?"}],
            "solution": str(number + 1),
            "columns": json.dumps({"solution": str(number + 1), "hint": None if number % 2 else "add"}),
        }
        for number in range(100)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def try_(
    prompts: Path,
    model: Path,
    rewards: dict[str, float],
    file: str = "",
    *,
    lab_: dict | None = None,
    **options: Any,
) -> dict:
    """The result of a trial; `file` is the text of the user's own rewards."""
    environment = {"OMNITUNE_REWARD_OPTIONS": json.dumps(options)}
    if file:
        path = prompts.with_name("mine.py")
        path.write_text(file)
        environment["OMNITUNE_REWARD_FILE"] = str(path)
    arguments = {
        "seed": 42,
        "max_completion_length": 32,
        "reward_funcs": list(rewards),
        "reward_weights": [str(weight) for weight in rewards.values()],
        "ENV": environment,
    }
    output = prompts.with_name("rewards.json")
    output.unlink(missing_ok=True)
    settings = LabConfig(**{"rows": 16, "seconds": 30, **(lab_ or {})})
    lab.run(arguments, prompts, settings, model=model, output=output)
    return json.loads(output.read_bytes())


def test_sound_rewards_pass(prompts: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = {"length": {"most": 12, "slack": 12}}
    names = {"accuracy": 1.0, "choice": 0.5, "asr": 0.5, "format": 0.2, "length": 0.1, "repetition": 0.1}
    found = try_(prompts, model, names, **options)
    assert (found["prompts"], found["tried"], found["kinds"]) == (100, 16, list(KINDS))
    assert set(found["rewards"]) == set(names)
    means = found["rewards"]["accuracy"]["means"]
    assert (means["gold"], means["gold in tags"], means["wrong"], means["garbage"]) == (1, 1, 0, 0)
    assert found["rewards"]["format"]["means"] == {
        kind: float(kind in ("gold in tags", "wrong")) for kind in KINDS
    }
    assert found["rewards"]["repetition"]["means"]["over-long"] < -0.1
    assert found["total"]["gold in tags"] == pytest.approx(
        sum(weight * found["rewards"][name]["means"]["gold in tags"] for name, weight in names.items())
    )
    table = capsys.readouterr().out
    assert table.startswith("Rewards on 16 of 100 prompts, mean by kind of completion:\n")
    assert len([line for line in table.splitlines() if line.startswith("accuracy ")]) == 1


def test_a_file_as_the_scripts_readme_shows_it(prompts: Path, model: Path) -> None:
    file = (
        "def custom_reward(completions, **kwargs):\n    rewards = []\n"
        "    for completion, gold in zip(completions, kwargs['solution']):\n"
        "        rewards.append(1.0 if gold in completion else 0.0)\n    return rewards\n"
    )
    means = try_(prompts, model, {"custom_reward": 1.0}, file)["rewards"]["custom_reward"]["means"]
    assert all(means[kind] == 1 for kind in GOLD)
    assert means["garbage"] == means["empty"] == 0


def test_everything_that_ms_swift_gives_is_given(
    prompts: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And on the main thread, where ms-swift calls rewards."""
    monkeypatch.setenv("EXPORTED_BY_CHANCE", "1")
    file = """
import os, signal, threading
def seen(completions, messages, finish_reason, is_truncated, response_token_ids, id, solution, hint, trainer_state,
         prompt_id, request_id, rollout_infos, bonus):
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # a ValueError elsewhere
    assert threading.current_thread() is threading.main_thread()
    assert [turns[-1]["content"] for turns in messages] == completions
    assert [turns[0]["role"] for turns in messages] == ["user"] * len(completions)
    cut = [reason == "length" for reason in finish_reason]
    assert cut == is_truncated and (not any(cut) or all(len(ids) == 32 for ids in response_token_ids))
    assert set(hint) <= {None, "add"} and all(name.startswith("sums/") for name in id)
    print("no reply")
    assert "EXPORTED_BY_CHANCE" not in os.environ  # nor does a training see it
    threading.Thread(target=threading.Event().wait).start()  # what is left behind does no harm
    return [bonus * float(gold == text) for gold, text in zip(solution, completions)]
async def later(completions, solution, **kwargs):
    import asyncio
    await asyncio.sleep(0)
    return [float(gold == text) for gold, text in zip(solution, completions)]
"""
    found = try_(prompts, model, {"seen": 1.0, "later": 1.0}, file, seen={"bonus": 3})
    assert found["rewards"]["seen"]["means"]["gold"] == 3
    assert found["rewards"]["later"]["means"]["gold"] == 1
    assert found["rewards"]["seen"]["notes"] == ["grpo.rewards.seen: 50 of 100 prompts have no hint."]


OWN = "grpo.rewards.mine: "
FAULTS = {
    "inverted": (
        "return [float(text != gold) for text, gold in zip(completions, k['solution'])]",
        OWN + "right answers gain 1 and garbage 1, so garbage is learned. Mend it; if it rates how something is "
        "said, name it in grpo.lab.style.",
    ),
    "longer is better": (
        "return [float(len(text)) for text in completions]",
        r"right answers gain \S+ and garbage \S+, so garbage is learned",
    ),
    "constant": (
        "return [0.5] * len(completions)",
        OWN
        + "it gives every completion 0.5, right or wrong, so nothing is learned from it. Mend it, or remove it.",
    ),
    "no opinion": (
        "return [None] * len(completions)",
        OWN + "it has no opinion on any completion. Return numbers.",
    ),
    "a column is missing": (
        "return [float(a == b) for a, b in zip(completions, k['target'])]",
        OWN + "it reads the column target, which no prompt has (columns are hint, id, messages, solution). "
        "Add it to the rows, or read another.",
    ),
    "a key of another map": (
        "return [{'A': 1.0}[text] for text in completions]",
        OWN + "it raised KeyError: '45' (mine.py:2) for 16 completions (gold). Mend the function.",
    ),
    "too few values": (
        "return [1.0]",
        OWN + "reward mine returned 1 values for 16 completions. Return one float per completion.",
    ),
    "not finite": (
        "return [float(len(t)) / 0.0 if False else float('nan') for t in completions]",
        OWN + "reward mine returned nan. Return a finite number, or None for no opinion.",
    ),
    "no list": (
        "return 1.0",
        OWN + "reward mine returned float, not a list of floats. Return one float per completion.",
    ),
    "raises": (
        "return [1 / len(text) for text in completions]",
        OWN + "it raised ZeroDivisionError: division by zero (mine.py:2) for 16 completions (empty). "
        "Mend the function.",
    ),
    "hangs": (
        "import time; time.sleep(60)",
        OWN + "it did not return within 1 s for 16 completions (gold). Mend the function.",
    ),
    "kills": (
        "import os; os.kill(os.getpid(), 11)",
        OWN + "it ended the process (SIGSEGV) for 16 completions (gold). Mend the function.",
    ),
    "leaves": (
        "import os; os._exit(3)",
        OWN + "it ended the process (exit code 3) for 16 completions (gold). Mend the function.",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_stopped(prompts: Path, model: Path, fault: str, count: Count) -> None:
    body, sentence = FAULTS[fault]
    limit = {"seconds": 1} if fault == "hangs" else {}
    with pytest.raises(PipelineError) as told:
        try_(prompts, model, {"mine": 1.0}, f"def mine(completions, **k):\n    {body}\n", lab_=limit)
    if fault == "longer is better":
        assert told.match(sentence)
    else:
        assert str(told.value) == sentence
    assert not prompts.with_name("rewards.json").exists()
    count("planted faults of rewards stopped")


def test_a_named_column_that_no_prompt_has_is_stopped(prompts: Path, model: Path) -> None:
    file = "def mine(completions, target):\n    return [0.0] * len(completions)\n"
    with pytest.raises(PipelineError, match=r"it reads the column target, which no prompt has"):
        try_(prompts, model, {"mine": 1.0}, file)


def test_a_fault_of_one_reward_hides_none_of_another(prompts: Path, model: Path) -> None:
    file = (
        "def one(completions, **k):\n    return [1.0] * len(completions)\n"
        "def two(completions, **k):\n    return []\n"
    )
    with pytest.raises(PipelineError) as told:
        try_(prompts, model, {"one": 1.0, "accuracy": 1.0, "two": 1.0}, file)
    sentences = str(told.value).splitlines()
    assert [sentence.split(":")[0] for sentence in sentences] == ["grpo.rewards.one", "grpo.rewards.two"]


def test_a_name_that_is_no_function_is_told(prompts: Path, model: Path) -> None:
    with pytest.raises(PipelineError) as told:
        try_(prompts, model, {"mine": 1.0}, "mine = 1.0\n")
    assert str(told.value) == (
        f"grpo.rewards: there is no reward mine. Define it in {prompts.with_name('mine.py')}, or mend the name."
    )


def test_a_judge_that_is_away_is_told_as_such_and_not_as_slow(prompts: Path, model: Path) -> None:
    judge = {"url": "http://127.0.0.1:9/v1", "model": "m"}
    with pytest.raises(PipelineError) as told:
        try_(prompts, model, {"llm_judge": 1.0}, lab_={"seconds": 6}, llm_judge=judge)
    assert str(told.value).startswith(
        "grpo.rewards.llm_judge: reward llm_judge: http://127.0.0.1:9/v1 has not replied for 3 s (URLError"
    )


def test_what_a_reward_started_is_ended_with_it(prompts: Path, model: Path) -> None:
    started = prompts.with_name("pid")
    body = (
        f"import subprocess, time; child = subprocess.Popen(['sleep', '60'])\n    "
        f"open({str(started)!r}, 'w').write(str(child.pid)); time.sleep(60)"
    )
    with pytest.raises(PipelineError, match="did not return within"):
        try_(prompts, model, {"mine": 1.0}, f"def mine(completions, **k):\n    {body}\n", lab_={"seconds": 4})
    wait_for(lambda: is_gone(int(started.read_text())))


def test_style_needs_no_right_answers(prompts: Path, model: Path) -> None:
    file = "def short(completions, **k):\n    return [-float(len(text)) for text in completions]\n"
    found = try_(prompts, model, {"accuracy": 200.0, "short": 1.0}, file, lab_={"style": ["short"]})
    assert found["rewards"]["short"]["style"]
    with pytest.raises(
        PipelineError, match=r"taken together right answers gain .* and garbage .* Lower the weights"
    ):
        try_(prompts, model, {"asr": 0.001, "format": -1.0, "length": 5.0}, length={"least": 20, "slack": 20})


def test_a_penalty_is_judged_by_its_sign(prompts: Path, model: Path) -> None:
    body = "return [float(gold not in text) for text, gold in zip(completions, solution)]"
    file = f"def wrong(completions, solution):\n    {body}\n"
    assert try_(prompts, model, {"wrong": -1.0}, file)["total"]["gold"] == 0
    with pytest.raises(PipelineError, match=r"garbage is learned"):
        try_(prompts, model, {"wrong": 1.0}, file)


def test_an_option_that_a_function_does_not_take_is_told(prompts: Path, model: Path) -> None:
    file = "def mine(completions, solution, good=1.0):\n    return [good] * len(completions)\n"
    with pytest.raises(PipelineError) as told:
        try_(prompts, model, {"mine": 1.0}, file, mine={"goood": 2})
    assert str(told.value) == (
        "grpo.rewards.mine.goood: the reward does not take goood. Remove it, or give the function an argument "
        "goood."
    )


def test_prompts_without_solutions_have_no_right_answers(prompts: Path, model: Path) -> None:
    rows = [{"id": f"a/{n}", "messages": [{"role": "user", "content": "Hi"}]} for n in range(3)]
    prompts.write_text("".join(json.dumps(row) + "\n" for row in rows))
    file = "def long(completions, **k):\n    return [float(len(text)) for text in completions]\n"
    assert try_(prompts, model, {"long": 1.0, "format": 1.0}, file)["tried"] == 3


def test_the_same_trial_has_the_same_result(prompts: Path, model: Path) -> None:
    first, second = (try_(prompts, model, {"accuracy": 1.0}) for _ in range(2))
    for found in (first, second):
        found["rewards"]["accuracy"].pop("milliseconds")
    assert first == second
    assert "OMNITUNE_REWARD_OPTIONS" not in os.environ  # the worker has its own
