"""What reaches the log: lines as they were said, bars as lines, no secrets; and a log that cannot be written."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from children import wait_for

from omnitune.supervisor import output
from omnitune.supervisor.output import Output
from omnitune.supervisor.redaction import HIDDEN, Redactor

LOG = Path("out.log")


def through(*chunks: bytes, between: Callable[[], None] = lambda: None) -> Output:
    """Send chunks through a pipe into the log."""
    reading, writing = os.pipe()
    with Output(reading, LOG, Redactor({"A_TOKEN": "s3cr3t-value"})) as taken:
        for chunk in chunks:
            os.write(writing, chunk)
            between()
        os.close(writing)
        taken.finish()
    os.close(reading)
    return taken


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"one\ntwo\n", b"one\ntwo\n"),
        (b"no end", b"no end"),
        (b"\n\none\n\n", b"\n\none\n\n"),
        (b"windows\r\nends\r\n", b"windows\nends\n"),
        (b"\r 1%|\r 2%|\r 3%|\n", b" 3%|\n"),
        (b"\r 1%|\r 2%|", b" 2%|"),
        (b"\r 1%|\r 2%|\r", b" 2%|"),
        (b"\r 1%|\rwarning: x\n\r 2%|\n", b"warning: x\n 2%|\n"),
        (b"\r 9%|\r\n", b" 9%|\n"),
        (b"bad \xff bytes\n", b"bad \xff bytes\n"),
        (b"", b""),
    ],
)
def test_lines_are_kept_and_bars_take_one(sent: bytes, kept: bytes):
    through(sent)
    assert LOG.read_bytes() == kept
    through(*(sent[place : place + 1] for place in range(len(sent))))
    assert LOG.read_bytes() == kept, "byte by byte"


def test_a_secret_that_comes_in_pieces_is_hidden():
    through(b"the value is s3cr", b"3t-val", b"ue!\n")
    assert LOG.read_text() == f"the value is {HIDDEN}!\n"


def test_a_bar_that_is_drawn_for_hours_is_written_now_and_then(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(output, "_BAR_SECONDS", 0.2)
    bars = [b"\r%5d/9999" % number for number in range(3000)]
    waits = iter([0.0] * 1000 + [0.0005] * 2000)
    begun = time.monotonic()
    through(*bars, between=lambda: threading.Event().wait(next(waits)))
    most = (time.monotonic() - begun) / 0.2 + 1
    lines = LOG.read_text().splitlines()
    assert lines[-1] == " 2999/9999"
    assert 3 < len(lines) <= most, "a line each 0.2 s, not each time it is drawn"


def test_a_line_without_end_does_not_fill_the_memory():
    reading, writing = os.pipe()
    with Output(reading, LOG, Redactor()) as taken:
        program = "import sys\nfor _ in range(40): sys.stdout.write('x' * 100_000)"
        subprocess.run([sys.executable, "-c", program], stdout=writing, check=True)
        os.close(writing)
    os.close(reading)
    assert taken.received == 4_000_000
    assert LOG.read_bytes().count(b"x") == 4_000_000
    assert len(taken.tail) <= output.TAIL_BYTES


def test_a_full_disk_holds_nobody_up_and_the_end_is_known():
    reading, writing = os.pipe()
    with Output(reading, Path("/dev/full"), Redactor()) as taken:
        program = "print('y' * 1_000_000); print('ValueError: last words')"
        subprocess.run([sys.executable, "-c", program], stdout=writing, check=True, timeout=60)
        os.close(writing)
        taken.finish()
        assert taken.tail.endswith("ValueError: last words\n")
    os.close(reading)
    assert taken.failed
    assert taken.failed.strerror == "No space left on device"


def test_a_writer_that_is_not_ours_does_not_hold_us_for_ever(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(output, "_JOIN_SECONDS", 0.2)
    reading, writing = os.pipe()
    with Output(reading, LOG, Redactor()) as taken:
        os.write(writing, b"said\n")
        wait_for(LOG.read_text)
        taken.finish()
        taken.add("error: x")
    assert LOG.read_text() == "said\nerror: x\n"
    os.close(writing)


def test_the_log_of_the_attempt_before_is_kept_and_no_more() -> None:
    for said in (b"first", b"second", b"third"):
        through(said)
    assert LOG.read_bytes() == b"third"
    assert LOG.with_name("out.log.1").read_bytes() == b"second"
    assert len(list(Path().glob("out.log*"))) == 2


def test_a_log_that_is_no_plain_file_stays_where_it_is() -> None:
    os.mkfifo("pipe")
    Path("link").symlink_to("pipe")
    for name in ("pipe", "link", "none"):
        output.keep_last(Path(name))
    assert sorted(path.name for path in Path().iterdir()) == ["link", "pipe"]
