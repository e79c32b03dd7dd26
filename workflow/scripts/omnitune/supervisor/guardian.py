"""Ends a command whose supervisor was killed: run as a script of its own, by the standard library alone.

`python -I -S guardian.py MARK`, with a pipe as standard input: a byte in it says that all is well, its end that
the supervisor is gone.
"""

import os
import signal
import sys
import time
from contextlib import suppress

MARK = "OMNITUNE_COMMAND"
# By then the kernel has asked the command to end; nothing of it may be left 5 s after its supervisor.
_ASKED_SECONDS = 3.0
_KILL_SECONDS = 5.0
_POLL_SECONDS = 0.05
_ZOMBIE = b"Z"


class Relatives:
    """The processes of one command, wherever they went.

    They know each other by a mark in their environment: torch's launcher puts its ranks into sessions of their
    own. Who shares a session with one of them belongs to them as well: a process that changes its title, as vLLM's
    do, overwrites its environment.
    """

    def __init__(self, mark: str) -> None:
        self._mark = f"{MARK}={mark}".encode()
        self._sessions: set[int] = set()

    def look(self) -> list[int]:
        """Those that live. To be called now and then: a session is known by its marked members."""
        sessions, marked = {}, set()
        for name in os.listdir("/proc"):  # noqa: PTH208 - as below
            if name.isdigit():
                with suppress(OSError):  # gone meanwhile, or another user's
                    state, _, _, session = _read(f"/proc/{name}/stat").rpartition(b")")[2].split()[:4]
                    if state != _ZOMBIE:
                        sessions[int(name)] = int(session)
                        if self._mark in _read(f"/proc/{name}/environ").split(b"\0"):
                            marked.add(int(name))
        self._sessions = {*self._sessions, *(sessions[pid] for pid in marked)} & set(sessions.values())
        return [pid for pid, session in sessions.items() if pid in marked or session in self._sessions]

    def kill(self) -> list[int]:
        """Kill them, with what they start meanwhile; returns those that did not end within seconds."""
        end = time.monotonic() + _KILL_SECONDS
        while (pids := self.look()) and time.monotonic() < end:
            for pid in pids:
                with suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(_POLL_SECONDS)
        return pids


def _read(path: str) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123 - pathlib takes as long to import as all the rest
        return file.read()


def main() -> None:
    """Wait for the supervisor's word or its end."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    relatives = Relatives(sys.argv[1])
    if os.read(0, 1):
        return
    end = time.monotonic() + _ASKED_SECONDS
    while relatives.look() and time.monotonic() < end:
        time.sleep(_POLL_SECONDS)
    relatives.kill()


if __name__ == "__main__":
    main()
