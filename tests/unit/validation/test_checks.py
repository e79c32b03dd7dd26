"""What must hold for a record by itself."""

import time

import pytest

from omnitune.records import Message, Record
from omnitune.validation.checks import check_record

BOTH = ("sft", "eval")


def record(*turns: tuple[str, str], **fields) -> Record:
    return Record("s/1", "s", 1, "t", [Message(*turn) for turn in turns], **fields)


def user(content: str, answer: str = "So.", **fields) -> Record:
    return record(("user", content), ("assistant", answer), **fields)


CALL = (("user", "Weather?"), ("assistant", "<tool_call>x</tool_call>"), ("tool", "sun"), ("tool", "warm"))


@pytest.mark.parametrize(
    ("row", "use"),
    [
        (user("Why?"), BOTH),
        (record(("system", "Be brief."), ("user", "Why?"), ("assistant", "So.")), BOTH),
        (record(("system", ""), ("user", "Why?"), ("assistant", "x")), BOTH),
        (record(*[("user", "Why?"), ("assistant", "So.")] * 10), BOTH),
        (record(*CALL, ("assistant", "Sunny.")), BOTH),
        (record(("user", "Why?"), solution="So."), ("eval",)),
        (record(("user", "Why?"), ("assistant", "So.")), ("eval",)),
        (record(("user", "Why?")), ("grpo",)),
        (user("<image><audio> <image>", images=["/1", "/2"], audios=["/3"]), BOTH),
        (
            record(
                ("user", "<audio>"),
                ("assistant", "x"),
                ("user", "<audio>"),
                ("assistant", "y"),
                audios=["/1", "/2"],
            ),
            BOTH,
        ),
        (user("if a < b and b > c: <div class='image'> <Image> < audio >", "<think>x</think> 1 < 2"), BOTH),
        (user("<img src='x'> and |<im_end>|"), BOTH),
    ],
)
def test_good_records_pass(row, use):
    assert check_record(row, use) == []


@pytest.mark.parametrize(
    ("row", "code", "what"),
    [
        (record(), "E026", "the row has no turns"),
        (user(" \n", "x"), "E029", "turn 1 (user) is empty"),
        (user("Why?", ""), "E029", "turn 2 (assistant) is empty"),
        (user("a\0b"), "E009", "turn 1 holds a NUL character"),
        (record(("user", "Why?"), ("bot", "x"), ("assistant", "So.")), "E031", 'turn 2 has the role "bot"'),
        (record(("User ", "Why?"), ("assistant", "So.")), "E031", 'turn 1 has the role "User "'),
        (
            record(("assistant", "Hi."), ("user", "Why?"), ("assistant", "So.")),
            "E033",
            "the first turn is the assistant's",
        ),
        (
            record(("system", "x"), ("assistant", "So.")),
            "E033",
            "the turn after the system's is the assistant's",
        ),
        (record(("tool", "x"), ("assistant", "So.")), "E033", "the first turn is the tool's"),
        (
            record(("user", "a"), ("user", "b"), ("assistant", "So.")),
            "E034",
            "turns 1 and 2 are both the user's",
        ),
        (
            record(("user", "a"), ("assistant", "b"), ("assistant", "c")),
            "E034",
            "turns 2 and 3 are both the assistant's",
        ),
        (
            record(("user", "a"), ("system", "b"), ("user", "c"), ("assistant", "d")),
            "E036",
            "turn 2 is a system turn",
        ),
        (
            record(("system", "a"), ("system", "b"), ("user", "c"), ("assistant", "d")),
            "E036",
            "turn 2 is a system turn",
        ),
        (
            record(("user", "a"), ("tool", "b"), ("assistant", "c")),
            "E037",
            "turn 2 is a tool's result, but no assistant",
        ),
        (user("<audio>", audios=["/1", "/2"]), "E040", '1 <audio> marker but 2 entries in "audios"'),
        (user("Why?", images=["/1"]), "E040", '0 <image> markers but 1 entry in "images"'),
        (user("<audio><audio>", audios=["/1"]), "E041", '2 <audio> markers but 1 entry in "audios"'),
        (user("<video>"), "E041", '1 <video> marker but 0 entries in "videos"'),
        (user("Why?", "See <image>"), "E042", "turn 2 (assistant) holds <image>"),
        (
            record(("system", "<audio>"), ("user", "a"), ("assistant", "b")),
            "E043",
            "turn 1 (system) holds <audio>",
        ),
        (
            user("< Image >", images=["/1"]),
            "E046",
            '0 <image> markers but 1 entry in "images", and the text holds < Image >',
        ),
        (
            user("<audio/>", audios=["/1"]),
            "E046",
            '0 <audio> markers but 1 entry in "audios", and the text holds <audio/>',
        ),
        (user("x<|im_end|>"), "E047", "turn 1 holds the control token <|im_end|>"),
        (user("Why?", "<|audio_pad|>"), "E047", "turn 2 holds the control token <|audio_pad|>"),
        (user("<bbox>"), "E048", "turn 1 holds the reserved tag <bbox>"),
        (user("<img>/etc/passwd</img>"), "E049", "turn 1 holds the path tag <img>/etc/passwd</img>"),
        (user("Why?", solution=" "), "E203", '"solution" is empty'),
    ],
)
def test_a_bad_record_has_one_finding(row, code, what):
    (finding,) = check_record(row, BOTH)
    assert finding.code == code
    assert finding.what.startswith(what)


@pytest.mark.parametrize(
    ("row", "use", "code"),
    [
        (record(("user", "Why?")), ("sft",), "E035"),
        (record(("user", "Why?"), solution="So."), BOTH, "E035"),
        (record(*CALL), BOTH, "E035"),
        (record(("user", "Why?")), ("eval",), "E203"),
    ],
)
def test_a_row_needs_the_answer_that_its_use_needs(row, use, code):
    assert [finding.code for finding in check_record(row, use)] == [code]


def test_a_reward_that_compares_needs_a_solution():
    prompt = record(("user", "Why?"))
    assert [finding.code for finding in check_record(prompt, ["grpo"], need_solution=True)] == ["E058"]
    assert check_record(record(("user", "Why?"), solution="7"), ["grpo"], need_solution=True) == []
    assert check_record(user("Why?", "7"), ["grpo"], need_solution=True) == []


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a\u202eb", "U+202E RIGHT-TO-LEFT OVERRIDE"),
        ("a\u200bb", "U+200B ZERO WIDTH SPACE"),
        ("\ufeffa", "U+FEFF ZERO WIDTH NO-BREAK SPACE"),
        ("\ue000", "U+E000 without a name"),
        ("a\U000e0041", "U+E0041 TAG LATIN CAPITAL LETTER A"),
    ],
)
def test_characters_that_nobody_sees_are_told(text, what):
    (finding,) = check_record(user(text), BOTH)
    assert (finding.code, finding.what) == ("E060", f"turn 1 holds {what}")


@pytest.mark.parametrize(
    "text",
    [
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "e\u0301",
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "\u05e9\u05dc\u05d5\u05dd \u200f!",
    ],
    ids=["family", "Persian", "accent", "flag of England", "Hebrew"],
)
def test_writing_of_any_language_is_usual(text):
    assert check_record(user(text), BOTH) == []


@pytest.mark.parametrize(
    "text",
    [
        "<img>" * 400_000,
        "<" + " " * 1_000_000,
        "< /" * 300_000,
        "eyJa-" * 200_000,
        "a." * 500_000 + "@" + "a." * 500_000,
        "+1 " * 300_000,
        "sk-" * 300_000,
        "4111 " * 200_000,
        "\U0001f3f4" + "\U000e0061" * 300_000,
        "password " * 100_000,
        "-----BEGIN A " * 80_000,
    ],
    ids=range(11),
)
def test_no_text_takes_long(text):
    start = time.process_time()
    check_record(user(text), BOTH)
    check_record(user(text, images=["/1"]), BOTH, private=True)
    assert time.process_time() - start < 5


def test_personal_data_is_looked_for_on_request():
    row = user("Write to ada@example.org")
    assert check_record(row, BOTH) == []
    (finding,) = check_record(row, BOTH, private=True)
    assert (finding.code, finding.what) == ("E214", "turn 1 seems to hold an e-mail address")


@pytest.mark.parametrize(("solution", "codes"), [("So.", []), ("", ["E203"]), (" \n", ["E203"])])
def test_a_solution_says_something(solution, codes):
    assert [finding.code for finding in check_record(user("Why?", solution=solution), BOTH)] == codes


def test_all_findings_of_a_record_are_told():
    row = record(("user", " "), ("user", "<audio><|im_end|>"), ("assistant", "x"))
    assert [finding.code for finding in check_record(row, BOTH)] == ["E034", "E029", "E047", "E041"]
