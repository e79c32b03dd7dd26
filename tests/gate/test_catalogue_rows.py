"""The catalogue of bad rows and the odd good ones, through the real convert and validate code."""

import csv
import json
import os
import shutil
import socket
from pathlib import Path

import pytest
from bad_rows import CASES, Case
from good_rows import FILES
from media_files import image, read_jsonl, video, wav

from omnitune import converters
from omnitune.config.validate import ValidateConfig
from omnitune.errors import ExitCode, PipelineError
from omnitune.readers import reader_name
from omnitune.validation.codes import CODES
from omnitune.validation.validate import Gate, validate_file

VERDICTS = {"R": "rejected", "P": "repaired", "W": "accepted"}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of media with all that may lie beside them; `data` and `more` are roots."""
    root = tmp_path_factory.mktemp("t")
    data = root / "data"
    sound = wav(data / "a.wav")
    for name in (
        "A.WAV",
        "B.WAV",
        "b.wav",
        "with space.wav",
        'it\'s "q".wav',
        "$(x);y.wav",
        "-rf.wav",
        "\u00fc.wav",
    ):
        shutil.copy(sound, data / name)
    for name in ("<audio>.wav", "x" * 251 + ".wav", "httpfoo.wav", "twice.wav"):
        shutil.copy(sound, data / name)
    for name in ("folder/b.wav", "../more/twice.wav", "../secret.wav"):
        (data / name).parent.mkdir(exist_ok=True)
        shutil.copy(sound, data / name)
    image(data / "i.png")
    image(data / "j.png")
    video(data / "v.mp4")
    (data / "empty.wav").touch()
    os.mkfifo(data / "fifo.wav")
    os.link(sound, data / "hard.wav")
    links = {"gone.wav": "nowhere", "zero.wav": "/dev/zero", "loop.wav": "loop.wav", "link.wav": "folder/b.wav"}
    for name, target in {**links, "out.wav": "../secret.wav", "outside": ".."}.items():
        (data / name).symlink_to(target)
    before = Path.cwd()
    os.chdir(data)  # the names of sockets are short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.wav")
    os.chdir(before)
    return root


def run(tree: Path, path: Path, output: Path, use=("sft",), policy=None) -> list[dict]:
    """The ledger of a file, by the code that the two commands call."""
    source = converters.open_source("s", path, "t", {}, [tree / "data", tree / "more"], output / "media")
    converters.convert_source(source, reader_name("", path), output / "c.jsonl")
    gate = Gate(str(path), use, ValidateConfig(policy=policy or {}), need_solution=True)
    validate_file(gate, output / "c.jsonl", output / "v.jsonl", output / "l.jsonl")
    return read_jsonl(output / "l.jsonl")


def write(tree: Path, name: str, content: bytes) -> Path:
    path = tree / "data" / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_bad_row_gets_its_code(tree: Path, tmp_path: Path, case: Case):
    path = write(tree, f"rows{case.suffix}", case.content())
    if case.verdict == "F":
        with pytest.raises(PipelineError) as refused:
            run(tree, path, tmp_path, case.use)
        assert refused.value.code == ExitCode.DATA
        assert refused.value.finding == case.code
        assert f" ({case.code}). {CODES[case.code].fix}" in str(refused.value)
        assert str(path) in str(refused.value)
        return
    ledger = run(tree, path, tmp_path, case.use)
    found = [row for row in ledger if row["codes"]]
    assert [(row["verdict"], row["codes"]) for row in found if case.code in row["codes"]] == [
        (VERDICTS[case.verdict], found[0]["codes"])
    ]
    # What is put right may come with a second repair; a bad row has one finding.
    companions = {"E212", "E059", "E051"} if case.verdict in "PW" else {"E059"}
    assert set(found[0]["codes"]) - {case.code} <= companions
    assert found[0]["message"].startswith(f"{path}:{found[0]['line']}")
    if not case.whole:
        assert [row["verdict"] for row in ledger if row["line"] != 2] == ["accepted", "accepted"]
        assert [row["line"] for row in found] == [2]
    assert found[0]["message"].endswith((".", "?", ")"))


ROWS = [case for case in CASES if not case.whole and not isinstance(case.row, bytes) and case.verdict != "F"]


@pytest.mark.parametrize("case", ROWS, ids=[case.name for case in ROWS])
def test_every_form_of_file_gives_the_same_code(tree: Path, tmp_path: Path, case: Case):
    """A JSON array and, where a column has one type, Parquet."""
    lines = run(tree, write(tree, "rows.jsonl", case.content()), tmp_path, case.use)
    rows = [json.loads(line) for line in case.content().splitlines() if line]
    array = write(tree, "rows.json", json.dumps(rows).encode())
    assert [row["codes"] for row in run(tree, array, tmp_path, case.use)] == [row["codes"] for row in lines]
    import pyarrow
    import pyarrow.parquet

    try:
        # Its own row alone: a column of tables has one type.
        table = pyarrow.Table.from_pylist([case.row])
    except (pyarrow.ArrowException, OverflowError):
        return
    path = tree / "data" / "rows.parquet"
    try:
        pyarrow.parquet.write_table(table, path)
    except pyarrow.ArrowException:
        return
    if table.to_pylist() == [case.row]:
        alone = run(tree, write(tree, "rows.jsonl", json.dumps(case.row).encode()), tmp_path, case.use)
        assert run(tree, path, tmp_path, case.use)[0]["codes"] == alone[0]["codes"]


PATHS = [case for case in CASES if "061" <= case.name < "080" or case.name.startswith("215")]
PATHS = [case for case in PATHS if len(case.row["audios"]) == 1]


@pytest.mark.parametrize("case", PATHS, ids=lambda case: case.name)
def test_questions_texts_and_tables_give_the_same_code_for_a_path(tree: Path, tmp_path: Path, case: Case):
    import pyarrow
    import pyarrow.parquet

    (path,) = case.row["audios"]
    for row in ({"question": "Who?", "answer": "Ann.", "audio": path}, {"text": "Ann.", "audio": path}):
        jsonl = write(tree, "rows.jsonl", json.dumps(row).encode())
        array = write(tree, "rows.json", json.dumps([row]).encode())
        table = pyarrow.Table.from_pylist([row])
        pyarrow.parquet.write_table(table, tree / "data" / "rows.parquet")
        files = [jsonl, array, tree / "data" / "rows.parquet"]
        for suffix, delimiter in ((".csv", ","), (".tsv", "\t")):
            with (tree / "data" / f"rows{suffix}").open("w", encoding="utf-8", newline="") as file:
                csv.writer(file, delimiter=delimiter, lineterminator="\n").writerows([row.keys(), row.values()])
            files.append(tree / "data" / f"rows{suffix}")
        found = [run(tree, file, tmp_path, case.use) for file in files]
        assert [[row["codes"] for row in ledger] for ledger in found] == [[[case.code]]] * len(files)
        assert {ledger[0]["verdict"] for ledger in found} == {VERDICTS[case.verdict]}


@pytest.mark.parametrize("name", FILES)
def test_an_odd_but_good_file_is_accepted(tree: Path, tmp_path: Path, name: str):
    ledger = run(tree, write(tree, "rows.jsonl", FILES[name]), tmp_path)
    assert ledger
    assert [row["message"] for row in ledger if row["verdict"] == "rejected"] == []


def test_the_catalogue_is_large_enough():
    names = [case.name for case in CASES]
    assert len(names) == len(set(names))
    assert len(CASES) >= 240
    assert len(FILES) >= 60
    assert {case.code for case in CASES} <= set(CODES)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.verdict == "P" and not case.whole], ids=lambda case: case.name
)
def test_a_policy_may_refuse_what_is_put_right(tree: Path, tmp_path: Path, case: Case):
    path = write(tree, "rows.jsonl", case.content())
    ledger = run(tree, path, tmp_path, case.use, policy={case.code: "reject"})
    assert [row["verdict"] for row in ledger] == ["accepted", "rejected", "accepted"]
    assert ledger[1]["codes"][0] == case.code
    assert len(ledger[1]["message"]) > len(f"{path}:2: ")


def test_a_policy_may_let_lost_settings_pass(tree: Path, tmp_path: Path):
    for case in (case for case in CASES if case.code == "E213"):
        ledger = run(tree, write(tree, "rows.jsonl", case.content()), tmp_path, policy={"E213": "warn"})
        assert ledger[1]["verdict"] != "rejected"
        assert "E213" in ledger[1]["codes"]


@pytest.mark.parametrize("code", ["E016", "E034"])
def test_a_policy_may_repair_what_is_refused(tree: Path, tmp_path: Path, code: str):
    for case in (case for case in CASES if case.code == code):
        ledger = run(tree, write(tree, "rows.jsonl", case.content()), tmp_path, policy={code: "repair"})
        assert [row["verdict"] for row in ledger] == ["accepted", "repaired", "accepted"]
