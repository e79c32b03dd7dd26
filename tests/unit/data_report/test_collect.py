"""One pass over ledger and rows."""

from pathlib import Path

import pytest

from omnitune.data_report.collect import SourceFiles, language_of, summarize
from omnitune.data_report.samples import PER_CODE, Draw, find_rows
from omnitune.records import Facts, LedgerRow, Medium, Message, Record, Unread, encode


def record(line: int, answer: str = "The answer is short.", **facts) -> Record:
    turns = [Message("user", f"Question {line}?"), Message("assistant", answer)]
    return Record(f"s/{line:08d}", "s", line, "t", turns, facts=Facts(**facts))


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, list[SourceFiles]]:
    """Six rows: good, repaired, unread, good but held out by the split, duplicate, good."""
    rows = {line: record(line, tokens=10 * line, answer_tokens=line) for line in (1, 2, 4, 5, 6)}
    sound = Medium("audio", seconds=2.5)
    clip = Medium("video", 640, 480, 3.0)
    rows[6] = record(6, tokens=60, answer_tokens=6, media=[Medium("image", 1000, 500), sound, clip])
    rows[6].images, rows[6].audios, rows[6].videos = ["/i.png"], ["/a.wav"], ["/v.mp4"]
    verdicts = [
        LedgerRow("s", 1, "s/00000001", "accepted", split=["train"]),
        LedgerRow("s", 2, "s/00000002", "repaired", ["E051"], "put right", ["test"]),
        LedgerRow("s", 3, "s/00000003", "rejected", ["E001"], "broken"),
        LedgerRow("s", 4, "s/00000004", "rejected", ["E206"], "held out"),
        LedgerRow("s", 5, "s/00000005", "duplicate", ["E056"], "as 1"),
        LedgerRow("s", 6, "s/00000006", "accepted", split=["train"]),
    ]
    ledger, valid, converted = tmp_path / "ledger.jsonl", tmp_path / "v.jsonl", tmp_path / "c.jsonl"
    ledger.write_bytes(b"".join(map(encode, verdicts)))
    valid.write_bytes(b"".join(map(encode, rows.values())))
    unread = Unread("s", 3, "E001", "broken")
    converted.write_bytes(b"".join(map(encode, [rows[1], rows[2], unread, rows[4], rows[5], rows[6]])))
    return ledger, [SourceFiles("s", [str(converted)], [str(valid)])]


def test_only_rows_that_are_used_are_measured(files):
    summary = summarize(*files)
    assert summary.verdicts == {"s": {"accepted": 2, "repaired": 1, "rejected": 2, "duplicate": 1}}
    assert summary.codes == {("s", "E051"): 1, ("s", "E001"): 1, ("s", "E206"): 1, ("s", "E056"): 1}
    counted = {quantity.key: quantity.histogram for quantity in summary.quantities}
    assert {key: histogram.total() for key, histogram in counted.items()} == {
        "tokens": 3, "answer": 3, "sound": 1, "clip": 1, "image": 1, "frame": 1,
    }  # fmt: skip
    assert [counted["tokens"].quantile(share) for share in (0.3, 0.6, 1.0)] == [10, 20, 60]
    assert counted["sound"].quantile(1) == pytest.approx(2.5)
    assert counted["image"].quantile(1) == pytest.approx(0.5)
    assert counted["frame"].quantile(1) == pytest.approx(0.31)
    assert summary.languages == {"en": 3}


def test_every_code_and_kind_has_examples_with_their_rows(files):
    ledger, sources = files
    drawn = summarize(ledger, sources).draw.drawn()
    converted = [("s", Path(path)) for path in sources[0].converted]
    samples = {(sample.group, sample.verdict.line): sample.row for sample in find_rows(drawn, converted)}
    assert set(samples) == {
        ("E051", 2), ("E001", 3), ("E206", 4), ("E056", 5), ("text", 1), ("image+audio+video", 6),
    }  # fmt: skip
    assert samples["E001", 3] is None
    assert samples["E206", 4].line == 4


def test_the_draw_does_not_depend_on_the_order():
    verdicts = [LedgerRow("s", line, f"s/{line}", "rejected", ["E001"]) for line in range(1, 200)]
    draws = [Draw(), Draw()]
    for draw, order in zip(draws, (verdicts, verdicts[::-1]), strict=True):
        for verdict in order:
            draw.add("E001", verdict, PER_CODE)
    one, other = (draw.drawn()["E001"] for draw in draws)
    assert one == other
    assert len(one) == PER_CODE


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The cat sat on the mat and looked at the birds outside.", "en"),
        ("今天天气很好，我们一起去公园散步吧。", "zh"),
        ("Der Hund liegt unter dem Tisch und schläft den ganzen Tag.", "de"),
        ("42", "none"),
        ("+-*/", "none"),
    ],
)
def test_languages(text: str, language: str):
    assert language_of(text) == language
