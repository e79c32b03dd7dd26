"""Run the rewards in a process of their own, each call within its time, and gather what they said."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omnitune import rewards, supervisor
from omnitune.errors import PipelineError
from omnitune.reward_lab import worker

# Importing ms-swift on a busy machine takes a minute.
START_SECONDS = 600.0


@dataclass
class Rating:
    """What one reward said.

    Attributes:
        values: kind -> one value per completion.
        seconds: kind -> time of that call.
        failed: kind -> what went wrong there, a clause.
        column: the column that it looked for and no row has, if it failed by that.
        needs: the columns that it cannot do without.
    """

    values: dict[str, list[float | None]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    column: str | None = None
    needs: list[str] = field(default_factory=list)


def rate(
    names: Sequence[str],
    batches: Mapping[str, Any],
    *,
    arguments: Mapping[str, Any],
    environment: Mapping[str, str],
    seconds: float,
) -> dict[str, Rating]:
    """Call every reward once with each batch.

    Args:
        names: the rewards.
        batches: as `batches.batches` makes them.
        arguments: the arguments file of the training, of which classes of rewards are made.
        environment: variables that the training would see.
        seconds: the most that one call may take.

    Raises:
        PipelineError: a reward cannot be made at all.
    """
    job = {
        "rewards": list(names),
        "batches": batches,
        "arguments": {name: value for name, value in arguments.items() if name != "ENV"},
    }
    found = {name: Rating() for name in names}
    current: tuple[str, str] | None = None
    # A judge that is away is told of as such, not as slow.
    patience = {rewards.PATIENCE_VARIABLE: str(seconds / 2)}
    with _process(job, {**environment, **patience}) as replies:
        while True:
            try:
                reply = replies.get(timeout=seconds if current else START_SECONDS)
            except queue.Empty:
                if current is None:
                    raise PipelineError("the rewards could not be loaded in time", where="grpo.rewards") from None
                reward, kind = current
                found[reward].failed[kind] = f"did not return within {seconds:g} s"
                return found
            if isinstance(reply, int):  # the exit code
                reward, kind = current or (names[0], "")
                found[reward].failed[kind] = f"ended the process ({_ending(reply)})"
                return found
            if reply["event"] == worker.DONE:
                return found
            current = _note(reply, found)


def _note(reply: Mapping[str, Any], found: Mapping[str, Rating]) -> tuple[str, str] | None:
    """Take one reply in; returns the call that is now at work."""
    event = reply["event"]
    if event == "refused":
        raise PipelineError(reply["what"], where=reply["where"], fix=reply["fix"])
    if event == worker.READY:
        for name, needs in reply["needs"].items():
            found[name].needs = needs
        return None
    rating, kind = found[reply["reward"]], reply["kind"]
    if event == "begin":
        return reply["reward"], kind
    if event == "rated":
        rating.values[kind], rating.seconds[kind] = reply["values"], reply["seconds"]
    else:
        rating.failed[kind], rating.column = reply["what"], reply["column"] or rating.column
    return None


class _process:
    """The worker with its replies as a queue; it and what it started are gone at the end."""

    def __init__(self, job: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        paths = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
        self._process = subprocess.Popen(
            [sys.executable, "-m", worker.__name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            # What a training would not see, such as a key exported by chance, is not seen here.
            env=supervisor.environment(
                {**environment, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "CUDA_VISIBLE_DEVICES": ""}
            ),
        )
        self._job = json.dumps(job).encode()
        self._replies: queue.Queue[Any] = queue.Queue()

    def __enter__(self) -> "queue.Queue[Any]":
        threading.Thread(target=self._read, daemon=True).start()
        return self._replies

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _read(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        with suppress(BrokenPipeError):
            self._process.stdin.write(self._job)
            self._process.stdin.close()
        for reply in self._lines(self._process.stdout):
            self._replies.put(reply)
        self._replies.put(self._process.wait())

    @staticmethod
    def _lines(stream: Any) -> Iterator[Any]:
        for line in stream:
            with suppress(ValueError):
                yield json.loads(line)


def _ending(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
