"""What holds for any rows: converting is idempotent, both ways agree, verdicts are stable and counts add up."""

import json
import random
from pathlib import Path

import msgspec
from bad_rows import CASES, GOOD
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_row_fuzz import mutated, seeds

from omnitune import converters
from omnitune.config.validate import ValidateConfig
from omnitune.converters.canonical import plain_record
from omnitune.errors import PipelineError
from omnitune.readers import WHOLE, Part
from omnitune.readers.lines import Line
from omnitune.records import Record, Unread
from omnitune.validation import checks
from omnitune.validation.policy import without_stops
from omnitune.validation.validate import Gate

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=30)
ID = st.text("abcdefghijklmnop0123456789-_./ ", min_size=1, max_size=12).filter(lambda name: name.strip())
TURNS = st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=3)
# Rows in the canonical form, and small deviations from it.
ROW = st.builds(
    lambda turns, system, more: {
        "messages": [
            *([{"role": "system", "content": system}] if system else []),
            *(
                {"role": role, "content": text}
                for pair in turns
                for role, text in zip(("user", "assistant"), pair, strict=True)
            ),
        ],
        **more,
    },
    TURNS,
    st.none() | TEXT,
    st.fixed_dictionaries(
        {}, optional={"id": ID | st.integers(0, 99), "solution": TEXT, "level": st.integers(0, 9)}
    ),
)
ODD = st.sampled_from([case.row for case in CASES if not case.whole])
SETTINGS = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=120)


def line_of(row) -> bytes:
    return row if isinstance(row, bytes) else json.dumps(row, ensure_ascii=False).encode()


def source_of(folder: Path, rows) -> converters.Source:
    path = folder / "rows.jsonl"
    path.write_bytes(b"".join(line_of(row) + b"\n" for row in rows))
    return converters.open_source("s", path, "t", {}, [folder], folder / "media")


def convert(folder: Path, rows, part: Part = WHOLE) -> list:
    return list(converters.convert_rows(source_of(folder, rows), "messages", part))


def verdicts(converted) -> list:
    gate = Gate("rows.jsonl", ["sft"], ValidateConfig(policy=without_stops({})))
    return [(judged.ledger.line, judged.ledger.verdict, judged.ledger.codes) for judged in gate.judge(converted)]


@SETTINGS
@given(row=ROW)
def test_a_record_written_as_a_row_is_the_same_record(tmp_path: Path, row):
    (record,) = convert(tmp_path, [row])
    assert isinstance(record, Record)
    own = {
        "id": record.id.removeprefix("s/"),
        "messages": [msgspec.to_builtins(turn) for turn in record.messages],
    }
    solution = {} if record.solution is None else {"solution": record.solution}
    (again,) = convert(tmp_path, [{**own, **solution, **record.extra}])
    again.repairs, again.found, record.repairs, record.found = [], {}, [], {}
    assert again == record


@SETTINGS
@given(row=ROW | ODD)
def test_the_short_way_and_the_long_way_make_the_same_record(tmp_path: Path, row):
    line = line_of(row)
    source = source_of(tmp_path, [line])
    found = plain_record(Line(1, line.strip(), len(line), True), source)
    if found is not None:
        short, own_id = found
        # A column that nobody reads sends the row the long way.
        (long,) = convert(tmp_path, [line.rstrip()[:-1] + b',"zzz":1}'])
        assert isinstance(long, Record)
        assert long.extra.pop("zzz") == 1
        assert short == long
        assert own_id is None or short.id == f"s/{own_id}"


@SETTINGS
@given(rows=st.lists(ROW | ODD, min_size=1, max_size=12), shards=st.integers(1, 3))
def test_every_row_has_one_verdict_however_the_file_is_parted(tmp_path: Path, rows, shards):
    rows = [GOOD, *rows]
    whole = convert(tmp_path, rows)
    parted = [row for shard in range(shards) for row in convert(tmp_path, rows, Part(shard, shards))]
    lines = [number for number, row in enumerate(rows, 1) if line_of(row).strip()]
    assert [row.line for row in whole] == [row.line for row in parted] == lines
    for one, other in zip(whole, parted, strict=True):
        assert type(one) is type(other)
        if isinstance(one, Unread):
            assert one == other
    first = verdicts(whole)
    assert first == verdicts(convert(tmp_path, rows))
    assert [line for line, *_ in first] == lines


def judged(path: Path) -> list:
    """All that the two stages say of a file of rows."""
    source = converters.open_source("s", path, "t", {}, [path.parent], path.parent / "media")
    try:
        converted = list(converters.convert_rows(source, "messages"))
    except PipelineError as error:
        return [str(error)]
    gate = Gate("rows.jsonl", ["sft", "eval"], ValidateConfig(policy=without_stops({})))
    found = msgspec.json.encode(converted)
    return [found, *((one.ledger, one.record, one.findings) for one in gate.judge(converted))]


def test_the_short_ways_and_the_long_ways_say_the_same_of_changed_rows(tmp_path: Path, monkeypatch):
    draw, path, good = random.Random(17), tmp_path / "rows.jsonl", 0
    files = [(suffix, content) for suffix, content in seeds() if suffix == ".jsonl"]
    files += [(".jsonl", line_of(row)) for row in (GOOD, {**GOOD, "id": "a:b", "solution": "c: d"})] * 40
    for _ in range(2000):
        content = draw.choice(files)[1]
        path.write_bytes(mutated(content, files, draw) if draw.random() < 0.9 else content)
        found = judged(path)
        with monkeypatch.context() as patched:
            patched.setattr(converters, "plain_record", lambda line, source: None)
            patched.setattr(checks, "_is_plain", lambda record, private: False)
            assert judged(path) == found, path.read_bytes()
        good += any(len(one) == 3 and not one[2] for one in found[1:])
    assert good > 300, "few rows are good: the test looks at little"


def test_verdicts_do_not_depend_on_the_batch(tmp_path: Path):
    rows = [case.row for case in CASES if not case.whole and case.code != "E024"]

    def found(size: int) -> list:
        converted = convert(tmp_path, rows)
        gate = Gate("rows.jsonl", ["sft"], ValidateConfig(policy=without_stops({})))
        return [
            judged.ledger
            for start in range(0, len(converted), size)
            for judged in gate.judge(converted[start : start + size])
        ]

    one = found(1)
    assert [row.line for row in one] == list(range(1, len(rows) + 1))
    assert all(row.codes and row.message for row in one if row.verdict == "rejected")
    assert found(7) == found(512) == one
