"""math_verify: the share of answers that mean the same number, set or expression as the reference.

The comparison is that of the math_verify library (Kydlíček & HuggingFace, 2025). An answer that equals
its reference as text is right without it.

Two traps of the library are handled. Its own time limits use SIGALRM: off the main thread every row
would silently score 0, and inside one long multiplication the alarm never arrives. So they are off, and
the comparing runs in a child process that is killed when one answer takes too long.
"""

import multiprocessing
import re
from collections.abc import Sequence
from multiprocessing.connection import Connection

from omnitune.errors import PipelineError
from omnitune.scoring.counts import Counts
from omnitune.scoring.exact_match import normalise

SECONDS_PER_ANSWER = 20.0
START_SECONDS = 300.0
MEMORY_BYTES = 1 << 30
LONGEST_BARE_FORMULA = 300

RIGHT, WRONG, UNREADABLE = "right", "wrong", "unreadable"


def math_verify(predictions: Sequence[str], references: Sequence[str]) -> Counts:
    """1 for each prediction that means its reference, else 0."""
    right: list[int] = []
    unreadable = stopped = 0
    seen: dict[tuple[str, str], str | None] = {}
    with Comparer() as comparer:
        for prediction, reference in zip(predictions, references, strict=True):
            pair = normalise(prediction), normalise(reference)
            if pair[0] == pair[1]:
                right.append(1)
                continue
            if pair not in seen:
                seen[pair] = comparer.compare(*pair)
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

    Args:
        seconds: the most one comparison may take.
    """

    def __init__(self, seconds: float = SECONDS_PER_ANSWER) -> None:
        self._seconds = seconds
        self._process: multiprocessing.process.BaseProcess | None = None
        self._connection: Connection | None = None

    def __enter__(self) -> "Comparer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def compare(self, prediction: str, reference: str) -> str | None:
        """RIGHT, WRONG or UNREADABLE (the reference); None when the comparison had to be stopped."""
        # Started on first need: when all answers equal their references, nothing waits for sympy.
        connection = self._connection or self._start()
        try:
            connection.send((prediction, reference))
            if connection.poll(self._seconds):
                verdict: str | None = connection.recv()
                return verdict
        except (EOFError, BrokenPipeError, ConnectionResetError):
            pass  # the child died of its memory limit
        self.close()
        return None

    def close(self) -> None:
        """End the child."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
        if self._connection is not None:
            self._connection.close()
        self._process = self._connection = None

    def _start(self) -> Connection:
        # spawn: a fork of a process with threads can inherit a lock that nobody will release.
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        try:
            works = self._connection.poll(START_SECONDS) and self._connection.recv()
        except EOFError:
            works = False
        if works is not True:
            self.close()
            what = "math_verify does not work here: it fails to see that 1/2 and 0.5 are equal"
            raise PipelineError(what, fix="Run make setup to install the locked versions again.")
        return self._connection


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


def _serve(connection: Connection) -> None:
    """The child: one self-test, then verdicts until the parent is gone."""
    import logging
    import resource
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    memory = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(MEMORY_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_AS, (memory, hard))
    # "Timeout is disabled" is what we want, and a broken answer is a wrong one, not a log entry.
    logging.disable(logging.ERROR)
    try:
        connection.send(compare("0.5", "$\\frac{1}{2}$") == RIGHT and compare("3", "1/2") == WRONG)
        while True:
            pair = connection.recv()
            try:
                verdict = compare(*pair)
            except Exception:  # whatever an odd answer does to the parser, it is one row's affair
                verdict = None
            connection.send(verdict)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return
