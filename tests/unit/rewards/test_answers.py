"""Rewards that compare the answer with the solution: choice, asr, iou, and where an answer stands."""

import random
import string

import jiwer
import pytest

from omnitune import rewards
from omnitune.rewards.answer import answer_of, solution_of, without_fence
from omnitune.rewards.edit_distance import edits
from omnitune.rewards.iou import boxes_in, overlap


def rate(name: str, completion: str, solution: object, **options: object) -> float:
    (value,) = rewards.REWARDS[name]([completion], solution=[solution], id=["x"], **options)
    return value


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("<answer> 4 </answer>", "4"),
        ("<answer>3</answer> no: <answer>4</answer>", "4"),
        ("<think>x</think>4", "<think>x</think>4"),
        ("<answer>cut", "<answer>cut"),
        ("", ""),
    ],
)
def test_the_answer_is_in_the_last_tags_or_all(text: str, answer: str) -> None:
    assert answer_of(text) == answer


def test_a_solution_may_be_of_any_type() -> None:
    assert [solution_of(value) for value in (None, 4, [1, 2], "<answer>A</answer>", {"a": None})] == [
        *("", "4", "[1, 2]", "A", '{"a": null}')
    ]
    assert without_fence('Here:\n```json\n{"a": 1}\n```\n') == '{"a": 1}'


@pytest.mark.parametrize(
    ("completion", "solution", "value"),
    [
        ("B", "B", 1),
        ("b", "B", 1),
        ("(B)", "B", 1),
        ("B.", "B. the cat", 1),
        ("B) a dog", "(B)", 1),
        ("<think>A is wrong.</think><answer>B</answer>", "B", 1),
        ("A is wrong, C too. The answer is B.", "B", 1),
        ("Option (C) and not (B)", "C", 1),
        ("Between (A) and (B) I take (B)", "B", 1),
        ("Answer: D", "D", 1),
        ("A cat", "A", 0),  # a sentence, no option
        ("the red one", "The red  one.", 1),
        ("the red one", "the blue one", 0),
        ("A", "B", 0),
        ("", "B", 0),
        ("B", None, 0),
        ("B", "", 0),
        ("the answer is a mystery", "A", 0),
        ("**B**", "B", 1),
        ("Answer: **B**", "B", 1),
        ("**B. dog**", "B", 1),
        ("**Answer:** B", "B", 1),
        (r"\boxed{B}", "B", 1),
        (r"A) is a cat. So it is $\boxed{\text{B}}$.", "B", 1),
        (r"\(B\)", "B", 1),
        ("B is right", "B", 1),
        ("I think (B) is the correct option.", "B", 1),
        ("The correct answer is option B.", "B", 1),
        ("I choose B, not A.", "B", 1),
        ("B, not A.", "B", 1),
        ("B. The dog\n\nThe picture shows a dog, and neither (A) nor (C).", "B", 1),
        ("A) cat, B) dog. The answer is B", "B", 1),
        ("A) cat, B) dog. The answer is B", "A", 0),
        ("A) cat, B) dog", "A", 0),  # all options, and none of them picked
        ("A) cat, B) dog", "B", 0),
        ("(A) cat (B) dog", "B", 0),
        ("A is wrong", "A", 0),
        ("A. " + "First I look at the picture. " * 9 + "So it is (B)", "B", 1),
        ("A. " + "First I look at the picture. " * 9 + "So it is (B)", "A", 0),
        ("**The red one**", "the red one", 1),
        ("C#", "C#", 1),
    ],
)
def test_choice(completion: str, solution: str | None, value: float) -> None:
    assert rate("choice", completion, solution) == value


@pytest.mark.parametrize(
    "gold",
    ["{}", "({})", "{}.", "{}) the cat", "**{}**", "**{}. the cat**", "$\\boxed{{{}}}$", "The answer is {}."],
)
def test_the_letter_of_the_solution_alone_is_always_right(gold: str) -> None:
    for letter in string.ascii_uppercase:
        solution = gold.format(letter)
        for other in string.ascii_uppercase:
            assert rate("choice", other, solution) == (other == letter), (other, solution)
        assert rate("choice", solution, letter) == rate("choice", f"<answer>{solution}</answer>", solution) == 1


@pytest.mark.parametrize(
    ("completion", "solution", "options", "value"),
    [
        ("good morning", "good morning", {}, 1),
        ("good  morning\n", "good morning", {}, 1),
        ("<answer>good morning</answer>", "good morning", {}, 1),
        ("good evening", "good morning", {}, 0.5),
        ("Good morning!", "good morning", {}, 0),
        ("Good morning!", "good morning", {"ignore_case": True, "ignore_punctuation": True}, 1),
        ("今天好", "今天很好", {"unit": "char"}, 0.75),
        ("a b c d e f", "a", {}, 0),  # five edits of one word: no less than nothing
        ("", "", {}, 1),
        ("hello", "", {}, 0),
        ("", "hello", {}, 0),
        ("cafe\u0301", "caf\u00e9", {}, 1),
    ],
)
def test_asr(completion: str, solution: str, options: dict, value: float) -> None:
    assert rate("asr", completion, solution, **options) == value


def test_edits_are_jiwers() -> None:
    numbers = random.Random(5)
    for _ in range(300):
        one, other = ([numbers.choice("abcd") for _ in range(numbers.randint(1, 90))] for _ in range(2))
        found = jiwer.process_words(" ".join(one), " ".join(other))
        assert edits(one, other) == found.substitutions + found.deletions + found.insertions
    assert edits([], "abc") == edits("abc", []) == 3


@pytest.mark.parametrize(
    ("completion", "solution", "value"),
    [
        ("[0, 0, 10, 10]", "[0, 0, 10, 10]", 1),
        ("[0, 0, 10, 5]", [0, 0, 10, 10], 0.5),
        ('<answer>{"bbox_2d": [0, 0, 10, 10], "label": "cat"}</answer>', "[0,0,10,10]", 1),
        ("(0,0),(10,10)", "[0.0, 0.0, 10.0, 10.0]", 1),
        ("[[5, 5, 6, 6], [0, 0, 10, 10]]", [[0, 0, 10, 10], [5, 5, 6, 6]], 1),  # in any order
        ("[[0, 0, 10, 10], [20, 20, 30, 30]]", "[0, 0, 10, 10]", 0.5),  # one too many
        ("[0, 0, 10, 10]", [[0, 0, 10, 10], [20, 20, 30, 30]], 0.5),  # one too few
        ("[10, 10, 0, 0]", "[0, 0, 10, 10]", 0),
        ("[0, 0, 0, 0]", "[0, 0, 0, 0]", 0),
        ("[20, 20, 30, 30]", "[0, 0, 10, 10]", 0),
        ("no box", "[0, 0, 10, 10]", 0),
        ("[0, 0, 10]", "[0, 0, 10, 10]", 0),
        ("[0, 0, 10, 10]", None, 0),
    ],
)
def test_iou(completion: str, solution: object, value: float) -> None:
    assert rate("iou", completion, solution) == value


def test_overlap_is_intersection_over_union() -> None:
    assert overlap((0, 0, 2, 2), (1, 1, 3, 3)) == pytest.approx(1 / 7)
    assert boxes_in("[-1, 2.5, 3, 4] and (5, 6, 7, 8)") == [(-1, 2.5, 3, 4), (5, 6, 7, 8)]
