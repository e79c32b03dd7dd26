"""Files judged by themselves."""

import json
import subprocess
import sys
import tracemalloc
from base64 import b64encode
from pathlib import Path

import pytest
from data_commands import SCRIPTS, command
from media_files import base64_of, chat, image, video, wav, write_jsonl

from omnitune.config.validate import ValidateConfig
from omnitune.validation.codes import CODES
from omnitune.validation.lint import Linter

ROWS = [
    b"\xef\xbb\xbf" + json.dumps(chat("<audio>Who?", audios=["gone.wav"])).encode(),
    {"messages": [{"role": "human", "content": "Why?"}, {"role": "assistant", "content": "a\u200bb"}], "id": "a"},
    chat("<audio>Who?", audios=["a.wav"], id="b"),
    chat("<|im_end|><bbox>"),
]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with rows.jsonl: a missing file, a repair with a warning, a good row, two findings."""
    wav(tmp_path / "a.wav")
    write_jsonl(tmp_path / "rows.jsonl", ROWS)
    return tmp_path


def test_findings_are_printed_one_a_line(place: Path):
    done = command("validate", "rows.jsonl", cwd=place)
    assert (done.returncode, done.stderr) == (65, "")
    assert done.stdout == (
        "rows.jsonl:1: rejected E061: no such file: gone.wav (looked in the source's folder and "
        f"{place}, /). Put the file there or correct the path.\n"
        "rows.jsonl:2: (id a) repaired E003: the file begins with a byte order mark. "
        "Nothing to do, or write the file without it.\n"
        'rows.jsonl:2: (id a) repaired E032: the role "human" of turn 1 is read as "user". '
        "Roles are system, user, assistant and tool.\n"
        "rows.jsonl:2: (id a) warning E060: turn 2 holds U+200B ZERO WIDTH SPACE. "
        "Remove them if they are not meant.\n"
        "rows.jsonl:4: rejected E047: turn 1 holds the control token <|im_end|>. "
        "Remove it: the model takes it for an end of turn or a medium.\n"
        "rows.jsonl:4: rejected E048: turn 1 holds the reserved tag <bbox>. Remove it: ms-swift replaces it.\n"
        "4 rows: 1 accepted, 1 repaired, 2 rejected.\n"
    )


def test_json_is_one_object_a_line(place: Path):
    done = command("validate", "--json", "rows.jsonl", "--policy", '{"E061": "reject", "E048": "warn"}', cwd=place)
    assert (done.returncode, done.stderr) == (65, "4 rows: 1 accepted, 1 repaired, 2 rejected.\n")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(row["line"], row["id"], row["verdict"], row["code"]) for row in found] == [
        (1, "", "rejected", "E061"),
        (2, "a", "repaired", "E003"),
        (2, "a", "repaired", "E032"),
        (2, "a", "accepted", "E060"),
        (4, "", "rejected", "E047"),
    ]
    assert found[0]["file"] == "rows.jsonl"
    assert found[0]["name"] == "no such file"


def test_good_files_of_any_kind_say_nothing(place: Path):
    (place / "t.csv").write_text("question,answer,audio\nWho?,Ann.,a.wav\n")
    (place / "t.json").write_text(json.dumps([chat()]))
    done = command("validate", "t.csv", "t.json", "--root", ".", cwd=place)
    assert (done.returncode, done.stdout) == (0, "2 rows: 2 accepted, 0 repaired, 0 rejected.\n")


def test_a_file_that_cannot_be_read_is_one_finding_and_the_next_is_read(place: Path):
    (place / "z.jsonl").write_bytes(b"\x1f\x8b\x08")
    write_jsonl(place / "good.jsonl", [chat(id="a"), chat(id="a")])
    done = command("validate", "z.jsonl", "gone.jsonl", "good.jsonl", cwd=place)
    assert done.returncode == 65
    assert done.stdout == (
        "z.jsonl: rejected E025: is compressed with gzip. Give a file of rows, uncompressed.\n"
        "gone.jsonl: rejected file: no such file. Correct the path, or put the file there.\n"
        "good.jsonl:2: (id a) rejected E211: the id is used at line 1 already. "
        "Give every row its own id, or none.\n"
        "2 rows: 1 accepted, 0 repaired, 1 rejected; files that could not be read: 2.\n"
    )


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("array.jsonl", b'[{"a": 1},\n{"b": 2}]', "E021"),
        ("empty.jsonl", b"", "E022"),
        ("header.csv", b"question,answer\n", "E022"),
        ("nul.jsonl", bytes(9), "E008"),
        ("gzip.jsonl", b"\x1f\x8b\x08", "E025"),
        ("bmi.csv", b"BMI,answer\n1,2\n", "E209"),
    ],
)
def test_what_is_wrong_with_a_file_has_a_code(place: Path, name: str, content: bytes, code: str):
    (place / name).write_bytes(content)
    (remark,) = Linter(ValidateConfig(), ["sft"], [place]).check(place / name)
    assert (remark.code, remark.name) == (code, CODES[code].name)


def test_a_medium_given_as_a_file_of_rows_is_one_finding(place: Path):
    for path in (wav(place / "s.wav", 1), image(place / "i.png"), video(place / "v.mp4")):
        (remark,) = Linter(ValidateConfig(), ["sft"], [place]).check(path)
        assert (remark.verdict, remark.code, remark.line) == ("rejected", "E025", 0)
        assert "is no file of rows" in remark.message


def test_a_refused_row_has_its_reasons_as_remarks_and_no_repairs(place: Path):
    image(place / "strip.png", (28, 28 * 250), "RGBA")
    write_jsonl(place / "t.jsonl", [chat("<image>", images=["strip.png"]), chat("{{ROUND0}}")])
    done = command("validate", "--json", "t.jsonl", cwd=place)
    assert [json.loads(line)["code"] for line in done.stdout.splitlines()] == ["E107", "E241"]


def test_a_medium_inside_a_row_is_told_by_its_place_there(place: Path):
    page = b64encode(b"<!DOCTYPE html><p>Sign in to go on to the picture that you asked for</p>").decode()
    alpha = base64_of(image(place / "alpha.png", mode="RGBA"))
    image(place / "good.png")
    rows = [
        chat("<image><image>", images=["good.png", f"data:image/png;base64,{page}"]),
        chat("<image>", images=[f"data:image/png;base64,{alpha}"]),
    ]
    write_jsonl(place / "t.jsonl", rows)
    done = command("validate", "t.jsonl", cwd=place)
    assert done.stdout.startswith(
        "t.jsonl:1: rejected E079: image 2 of the row is an HTML page, not a media file."
    )
    assert "/tmp" not in done.stdout.replace(str(place), "")


def test_a_row_cannot_steer_the_terminal_nor_forge_a_line(place: Path):
    turns = [{"role": "\x1b[2J\ngood.jsonl:1: accepted", "content": "a"}, {"role": "assistant", "content": "b"}]
    write_jsonl(place / "t.jsonl", [{"messages": turns}])
    done = command("validate", "t.jsonl", cwd=place)
    assert 't.jsonl:1: rejected E031: turn 1 has the role "\\x1b[2J\\ngood.jsonl:1: accepted"' in done.stdout
    assert "\x1b" not in done.stdout
    assert len(done.stdout.splitlines()) == 2


def test_a_row_of_no_known_form_is_told_which_forms_there_are(place: Path):
    write_jsonl(place / "t.jsonl", [{"foo": 1, "bar": "x"}, {}, chat("<audio>", audios=[""])])
    done = command("validate", "t.jsonl", cwd=place)
    forms = (
        'Rows have "messages", or "question" and "answer", or "text" and media (docs/data-formats.md): '
        "rename the columns, or map them with columns:."
    )
    assert done.stdout.splitlines()[:3] == [
        f't.jsonl:1: rejected E209: no column that is read: the row has "foo", "bar". {forms}',
        f"t.jsonl:2: rejected E209: the row has no columns. {forms}",
        't.jsonl:3: rejected E051: "audios" holds an empty path. Name the file, or remove the entry.',
    ]


def test_a_root_holds_the_media_inside(place: Path):
    (place / "in").mkdir()
    done = command("validate", "rows.jsonl", "--root", "in", cwd=place)
    assert "rows.jsonl:3: (id b) rejected E069: a.wav lies outside the media roots (in)." in done.stdout


def test_rows_may_come_from_standard_input(place: Path):
    line = [sys.executable, SCRIPTS / "validate.py", "-"]
    rows = json.dumps(chat("<image>")).encode()
    done = subprocess.run(line, input=rows, cwd=place, capture_output=True, check=False)
    assert done.returncode == 65
    assert done.stdout.startswith(b"standard input:1: rejected E041: ")


def test_a_reader_that_has_seen_enough_is_no_error(place: Path):
    write_jsonl(place / "many.jsonl", [chat("<image>")] * 20_000)
    script = f'"{sys.executable}" "{SCRIPTS / "validate.py"}" many.jsonl | head -2'
    done = subprocess.run(["bash", "-c", script], cwd=place, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.count("\n") == 2


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["x", "--policy", '{"E044": "warn"}'], "E044 (ambiguous marker) cannot be answered with warn."),
        (["x", "--policy", '{"E999": "warn"}'], "E999 is no code."),
        (["x", "--policy", "warn"], "not a JSON object: warn"),
        (["x", ""], "a file name is empty"),
        ([], "the following arguments are required: FILE"),
    ],
)
def test_a_wrong_command_line_is_told(place: Path, argv: list[str], message: str):
    done = command("validate", *argv, cwd=place)
    assert done.returncode == 2
    assert message in done.stderr


def test_memory_stays_flat(tmp_path: Path):
    def peak(rows: int) -> int:
        path = write_jsonl(tmp_path / "many.jsonl", [chat("<image>")] * rows)
        tracemalloc.start()
        for _ in Linter(ValidateConfig(), ["sft"], [tmp_path]).check(path):
            pass
        return tracemalloc.get_traced_memory()[1]

    first = peak(2_000)
    tracemalloc.stop()
    # The ids' hashes grow, some 100 bytes a row; nothing else does.
    assert peak(10_000) < first + 10_000 * 150
    tracemalloc.stop()
