"""A command and all that it starts: begun as a group of its own, asked together, killed without a rest."""

import ctypes
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from omnitune.supervisor import guardian

_LOOK_SECONDS = 15
_REAP_SECONDS = 1
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


class Family:
    """The processes of one command; leaving the block kills those that are left.

    Should we be killed ourselves, the kernel asks the command to end, and a guardian kills what is left of it.

    Args:
        argv: the command; it becomes the leader of a session of its own, so that a Ctrl-C in the terminal reaches
            us alone.
        env: its whole environment.
        keep_open: descriptors that it inherits.
    """

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], keep_open: Sequence[int] = ()) -> None:
        mark = uuid.uuid4().hex
        self._relatives = guardian.Relatives(mark)
        self._looked = time.monotonic()
        self.output, writing = os.pipe()
        # The guardian holds the reading end too: who ends in order after our death must not fail at its next word.
        self._guardian = subprocess.Popen(
            [sys.executable, "-I", "-S", guardian.__file__, mark], stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, pass_fds=(self.output,),
        )  # fmt: skip
        try:
            self._leader = subprocess.Popen(
                argv, env={**env, guardian.MARK: mark}, stdin=subprocess.DEVNULL, stdout=writing,
                stderr=subprocess.STDOUT, start_new_session=True, pass_fds=tuple(keep_open),
                preexec_fn=_die_with_parent,
            )  # fmt: skip
        except BaseException:
            self._release()
            raise
        finally:
            os.close(writing)

    def __enter__(self) -> "Family":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._release()

    @property
    def returncode(self) -> int | None:
        """How the leader ended, a signal as a negative number; None while it runs."""
        if time.monotonic() - self._looked > _LOOK_SECONDS:
            self._looked = time.monotonic()
            self._relatives.look()
        return self._leader.poll()

    def ask(self, number: signal.Signals) -> None:
        """Send a signal to the leader's group, as long as there is a leader."""
        if self._leader.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._leader.pid, number)

    def tell(self, number: signal.Signals) -> int:
        """Send a signal to those who expect it, but not to what these have forked; returns how many they are.

        It would end the others.
        """
        parents = {
            pid: parent for pid in self._relatives.look() if (parent := _parent_of_who_expects(pid, number))
        }
        first = [pid for pid, parent in parents.items() if parent not in parents]
        for pid in first:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        return len(first)

    def kill(self) -> None:
        """Kill whatever runs of it; returns when nothing does."""
        left = self._relatives.kill()
        with suppress(subprocess.TimeoutExpired):
            self._leader.wait(_REAP_SECONDS)
        if left:
            pids = ", ".join(map(str, left))
            print(f"warning: the kernel does not end process {pids}: a disk or a GPU does not answer it.",
                  file=sys.stderr, flush=True)  # fmt: skip

    def _release(self) -> None:
        os.close(self.output)
        assert self._guardian.stdin
        with suppress(OSError):  # it was killed
            self._guardian.stdin.write(b"!")
            self._guardian.stdin.close()
        self._guardian.wait()


def _die_with_parent() -> None:
    # Runs in the child between fork and exec. SIGTERM, which torchrun passes on to its ranks.
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _parent_of_who_expects(pid: int, number: signal.Signals) -> int | None:
    """The parent of a process that has a handler for a signal; None for one that has not."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:  # it has ended
        return None
    parent, caught = (re.search(rf"^{name}:\s*(\w+)", status, re.M) for name in ("PPid", "SigCgt"))
    expects = parent and caught and int(caught[1], 16) >> (number - 1) & 1
    return int(parent[1]) if parent and expects else None
