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
_ASKED_SECONDS = 2.5
_KILL_SECONDS = 5.0
_POLL_SECONDS = 0.05
_ZOMBIE = b"Z"


class Relatives:
    """The processes of one command, wherever they went.

    They know each other by a mark in their environment: torch's launcher puts its ranks into sessions of their
    own. A child of one of them, and who shares a session with one, belongs to them as well: a process that changes
    its title, as vLLM's do, overwrites its environment.
    """

    def __init__(self, mark: str) -> None:
        self._mark = f"{MARK}={mark}".encode()
        self._sessions: set[int] = set()

    def look(self) -> list[int]:
        """Those that live. To be called now and then: who has lost the mark is known by others that still live."""
        living, known = {}, set()
        for name in os.listdir("/proc"):  # noqa: PTH208 - as below
            if name.isdigit():
                with suppress(OSError):  # gone meanwhile, or another user's
                    state, parent, _, session = _read(f"/proc/{name}/stat").rpartition(b")")[2].split()[:4]
                    if state != _ZOMBIE:
                        living[int(name)] = int(parent), int(session)
                        if self._mark in _read(f"/proc/{name}/environ").split(b"\0"):
                            known.add(int(name))
        # A session whose last member is gone is forgotten: its number may be given to another.
        self._sessions &= {session for _, session in living.values()}
        found: set[int] | None = None
        while known != found:
            found = set(known)
            self._sessions |= {living[pid][1] for pid in known}
            known |= {
                pid for pid, (parent, session) in living.items() if parent in known or session in self._sessions
            }
        return sorted(known)

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
