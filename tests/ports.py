"""Ports for servers that tests start."""

import socket


def free_ports() -> int:
    """The first of two free ports that follow each other."""
    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind(("", 0))
            port = int(one.getsockname()[1])
            try:
                two.bind(("", port + 1))
            except OSError:
                continue
            return port
