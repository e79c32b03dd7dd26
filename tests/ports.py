"""Ports for servers that tests start.

They lie below those that the system gives to whoever asks for any (32768 and up): one that was free when it was
looked at is not given away before its server, which may load a model first, comes to take it.
"""

import random
import socket

_dice = random.SystemRandom()  # tests at the same time do not ask for the same


def free_port() -> int:
    """A port that is free, and likely to stay so."""
    return _free(1)


def free_ports() -> int:
    """The first of two free ports that follow each other."""
    return _free(2)


def _free(count: int) -> int:
    while True:
        first = _dice.randrange(12_000, 32_000)
        if all(map(_is_free, range(first, first + count))):
            return first


def _is_free(port: int) -> bool:
    with socket.socket() as attempt:
        try:
            attempt.bind(("", port))
        except OSError:
            return False
    return True
