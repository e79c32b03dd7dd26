"""How a row's text is cut, and what tokenizer counts it."""

import json
import re
import shutil
from pathlib import Path

import pytest

from omnitune.demo.tokenizer import write_tokenizer
from omnitune.environments import ROOT
from omnitune.records import Message, Record
from omnitune.tokens.text import TextCounter, TextTokens, load_tokenizer, pieces
from omnitune.tokens.unknown import Unknown


def turns(*turns: tuple[str, str]) -> list[Message]:
    roles = {"s": "system", "u": "user", "a": "assistant", "t": "tool"}
    return [Message(roles[role], text) for role, text in turns]


def cut(*given: tuple[str, str]) -> list[tuple[str, bool]]:
    return [(piece.text, piece.trained) for piece in pieces(turns(*given)) if piece.text]


def test_a_turn_and_its_answer():
    assert cut(("u", "Why?"), ("a", "So.")) == [
        ("<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\n", False),
        ("So.<|im_end|>\n", True),
    ]


def test_several_turns_with_a_system_turn():
    assert cut(("s", "Be {kind}."), ("u", "A"), ("a", "B"), ("u", "C"), ("a", "D")) == [
        (
            "<|im_start|>system\nBe {kind}.<|im_end|>\n<|im_start|>user\nA<|im_end|>\n<|im_start|>assistant\n",
            False,
        ),
        ("B", True),
        ("<|im_end|>\n<|im_start|>user\nC<|im_end|>\n<|im_start|>assistant\n", False),
        ("D<|im_end|>\n", True),
    ]


def test_an_empty_system_turn_is_left_out():
    assert cut(("s", ""), ("u", "A"), ("a", "B")) == cut(("u", "A"), ("a", "B"))


def test_without_an_answer_all_is_prompt():
    assert cut(("u", "A")) == [("<|im_start|>user\nA<|im_end|>\n<|im_start|>assistant\n", False)]


@pytest.mark.parametrize("end", ["<|im_end|>", "<|endoftext|>"])
def test_an_answer_with_an_end_gets_no_other(end: str):
    assert cut(("u", "A"), ("a", "B" + end))[1] == ("B" + end, True)


def test_results_of_tools_are_one_turn():
    assert cut(("u", "A"), ("a", "B"), ("t", "1"), ("t", "2"), ("a", "C"))[2] == (
        "<|im_end|>\n<|im_start|>user\n<tool_response>\n1\n</tool_response>\n<tool_response>\n2\n</tool_response>"
        "<|im_end|>\n<|im_start|>assistant\n",
        False,
    )


def test_media_are_marked():
    assert cut(("u", "<image>and<audio><video>"))[0][0] == (
        "<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|>and<|audio_start|><|audio_pad|><|audio_end|>"
        "<|vision_start|><|video_pad|><|vision_end|><|im_end|>\n<|im_start|>assistant\n"
    )


@pytest.mark.parametrize(
    "given",
    [
        (("u", "what is {{ROUND0}}?"), ("a", "B")),
        (("u", "A"), ("a", "B"), ("t", "{{QUERY}}"), ("a", "C")),
        (("u", "A"), ("a", "Action: x\nAction Input: y"), ("t", "1"), ("a", "C")),
    ],
)
def test_what_ms_swift_rewrites_is_unknown(given: tuple[tuple[str, str], ...]):
    with pytest.raises(Unknown):
        list(pieces(turns(*given)))


def test_what_ms_swift_fills_in_elsewhere_is_text():
    assert cut(("u", "{{QUERY}} {{SYSTEM}}"), ("a", "B"))[0][0] == cut(("u", "A"), ("a", "B"))[0][0].replace(
        "A", "{{QUERY}} {{SYSTEM}}"
    )
    assert cut(("u", "A"), ("a", "{{ROUND0}}"))[1] == ("{{ROUND0}}<|im_end|>\n", True)


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vocabulary")
    write_tokenizer(folder)
    return folder


def count(counter: TextCounter, *given: tuple[str, str]) -> TextTokens | Unknown:
    return counter.count([Record("a/1", "a", 1, "t", turns(*given))])[0]


def test_prompt_and_answer_are_counted_apart(vocabulary: Path):
    counter = TextCounter(vocabulary, audio_in_video=False)
    tokens = load_tokenizer(vocabulary)

    def length(text: str) -> int:
        return len(tokens.encode(text, add_special_tokens=False).ids)

    prompt = length("<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n")
    assert count(counter, ("u", "Hello"), ("a", "Good day")) == (prompt, length("Good day<|im_end|>\n"))
    # The end of the first answer is trained on, though it is cut off with the second prompt.
    assert count(counter, ("u", "Hello"), ("a", "Good day"), ("u", "Hello"), ("a", "Good day")) == (
        2 * prompt,
        2 * (length("Good day") + length("<|im_end|>\n")),
    )


def test_a_clip_that_is_heard_has_two_more_tokens_around_it(vocabulary: Path):
    silent = count(TextCounter(vocabulary, audio_in_video=False), ("u", "<video>?"))
    heard = count(TextCounter(vocabulary, audio_in_video=True), ("u", "<video>?"))
    assert isinstance(silent, TextTokens)
    assert heard == (silent.prompt + 2, 0)


def test_an_unknown_row_leaves_its_neighbours_alone(vocabulary: Path):
    rows = [turns(("u", "A"), ("a", "B")), turns(("u", "{{ROUND1}}")), turns(("u", "A"), ("a", "B"))]
    records = [Record("a/1", "a", 1, "t", messages) for messages in rows]
    first, second, third = TextCounter(vocabulary, audio_in_video=False).count(records)
    assert first == third
    assert isinstance(second, Unknown)


def test_a_checkpoint_without_tokenizer_json_counts_alike(vocabulary: Path, tmp_path: Path):
    """The real Qwen3-Omni has vocab.json and merges.txt alone."""
    for name in ("vocab.json", "merges.txt", "tokenizer_config.json"):
        shutil.copy(vocabulary / name, tmp_path)
    text = "<|im_start|>user\nHow many  squares?\n\n<think>7</think> café <|im_end|>\n"
    assert load_tokenizer(tmp_path).encode(text).tokens == load_tokenizer(vocabulary).encode(text).tokens


def test_tokens_that_only_tokenizer_json_names_are_known(vocabulary: Path, tmp_path: Path):
    shutil.copy(vocabulary / "tokenizer.json", tmp_path)
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({}))
    assert load_tokenizer(tmp_path).encode("<|im_start|>").tokens == ["<|im_start|>"]


def test_it_is_the_trainers_own_version():
    def version(lock: str) -> str:
        (found,) = re.findall(r"^tokenizers==(\S+)", (ROOT / f"envs/{lock}.lock.txt").read_text(), re.M)
        return found

    assert version("pipeline") == version("swift")
