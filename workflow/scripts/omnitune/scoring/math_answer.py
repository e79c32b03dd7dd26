"""math_verify: the share of answers that mean the same number, set or expression as the reference.

The comparison is that of the math_verify library (Kydlíček & HuggingFace, 2025). An answer that equals
its reference as text is right without it.

Two traps of the library are handled. Its own time limits use SIGALRM: off the main thread every row
would silently score 0, and inside one long multiplication the alarm never arrives. So they are off, and
the comparing runs in a child process that is killed when one answer takes too long.
"""

import json
import os
import re
import select
import subprocess
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from omnitune.errors import PipelineError
from omnitune.scoring.counts import Counts
from omnitune.scoring.exact_match import normalise

SECONDS_PER_ANSWER = 20.0
START_SECONDS = 300.0
MEMORY_BYTES = 1 << 30
LONGEST_BARE_FORMULA = 300

RIGHT, WRONG, UNREADABLE = "right", "wrong", "unreadable"


def math_verify(
    predictions: Sequence[str], references: Sequence[str], comparer: "Comparer | None" = None
) -> Counts:
    """1 for each prediction that means its reference, else 0.

    Args:
        predictions, references: texts, one each per row.
        comparer: one that the caller keeps for more calls; without it one is started and ended here.
    """
    right: list[int] = []
    unreadable = stopped = 0
    seen: dict[tuple[str, str], str | None] = {}
    with nullcontext(comparer) if comparer else Comparer() as asked:
        for prediction, reference in zip(predictions, references, strict=True):
            pair = normalise(prediction), normalise(reference)
            if pair[0] == pair[1]:
                right.append(1)
                continue
            if pair not in seen:
                seen[pair] = asked.compare(*pair)
            verdict = seen[pair]
            right.append(int(verdict == RIGHT))
            unreadable += verdict == UNREADABLE
            stopped += verdict is None
    notes = []
    if unreadable:
        notes.append(
            f"math_verify reads no mathematics in the reference of {unreadable} of {len(right)} rows; "
            "they are right only when prediction and reference are the same text"
        )
    if stopped:
        notes.append(
            f"math_verify was stopped on {stopped} of {len(right)} rows (more than {SECONDS_PER_ANSWER:g} s "
            "or too much memory for one answer); they count as wrong"
        )
    return Counts(right, [1] * len(right), notes)


class Comparer:
    """A child process that compares answers; it is killed and replaced when it takes too long or dies.

    A command of its own and no fork: it must not hold a trainer's GPU, nor import what the trainer imports.

    Args:
        seconds: the most one comparison may take.
    """

    def __init__(self, seconds: float = SECONDS_PER_ANSWER) -> None:
        self._seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Comparer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def compare(self, prediction: str, reference: str) -> str | None:
        """RIGHT, WRONG or UNREADABLE (the reference); None when the comparison had to be stopped."""
        # Started on first need: when all answers equal their references, nothing waits for sympy.
        process = self._process or self._start()
        assert process.stdin
        try:
            process.stdin.write(json.dumps([prediction, reference]).encode() + b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            self.close()
            return None
        verdict: str | None = self._reply(self._seconds)
        return verdict

    def close(self) -> None:
        """End the child."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
        self._process = None

    def _reply(self, seconds: float) -> Any:
        """The child's next line; None, and the child is ended, when none comes in time."""
        assert self._process
        assert self._process.stdout
        ready, _, _ = select.select([self._process.stdout], [], [], seconds)
        # A reply is one short line, written at once: what is readable is whole.
        line = self._process.stdout.readline() if ready else b""
        if not line:
            self.close()
            return None
        return json.loads(line)

    def _start(self) -> "subprocess.Popen[bytes]":
        # Beside what is set already; -m would put the working folder first.
        paths = [path for path in (os.environ.get("PYTHONPATH"), str(Path(__file__).parents[2])) if path]
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", __spec__.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "CUDA_VISIBLE_DEVICES": ""},
        )
        if self._reply(START_SECONDS) is not True:
            self.close()
            what = "math_verify does not work here: it fails to see that 1/2 and 0.5 are equal"
            raise PipelineError(what, fix="Run make setup to install the locked versions again.")
        return self._process


def compare(prediction: str, reference: str) -> str:
    """The library's verdict on one pair, without any time limit."""
    from math_verify import verify

    gold = read(reference)
    if not gold:
        return UNREADABLE
    return RIGHT if verify(gold, read(prediction), timeout_seconds=None) else WRONG


def read(text: str) -> list:
    """What math_verify reads in `text`; empty when nothing is mathematics.

    The library looks for LaTeX only between $ signs and in \\boxed, and otherwise for the last number: of a
    bare `2\\pi` or `(1,2)` it would read 2. So a short formula that is no sentence gets its $ signs.
    """
    from math_verify import parse

    stripped = text.strip()
    marked = "$" in stripped or re.search(r"\\boxed|\\\(|\\\[|\n", stripped)
    if marked or not 0 < len(stripped) <= LONGEST_BARE_FORMULA:
        return parse(stripped, parsing_timeout=None)
    letters = re.sub(r"\\[A-Za-z]+(\{[A-Za-z ]*\})?", "", stripped)
    if re.search(r"[\\^_{}()\[\]]", stripped) and not re.search(r"[^\W\d_]{3}", letters):
        return parse(f"${stripped}$", parsing_timeout=None)
    found = parse(stripped, parsing_timeout=None)
    # A word must stay unread: as a product of its letters "cat" would equal "act".
    if not found and not re.search(r"[^\W\d_]{2}", letters):
        found = [item for item in parse(f"${stripped}$", parsing_timeout=None) if not isinstance(item, str)]
    return found


def serve() -> None:
    """The child: one self-test, then a verdict on each line of standard input until the parent is gone."""
    import logging
    import resource
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    memory = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(MEMORY_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_AS, (memory, hard))
    # "Timeout is disabled" is what we want, and a broken answer is a wrong one, not a log entry.
    logging.disable(logging.ERROR)
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever a library prints is no reply
    replies.write(
        json.dumps(compare("0.5", "$\\frac{1}{2}$") == RIGHT and compare("3", "1/2") == WRONG).encode() + b"\n"
    )
    for line in sys.stdin.buffer:
        try:
            verdict: str | None = compare(*json.loads(line))
        except Exception:  # whatever an odd answer does to the parser, it is one row's affair
            verdict = None
        replies.write(json.dumps(verdict).encode() + b"\n")


if __name__ == "__main__":
    serve()
