"""Serve a run's final model from its arguments file, in the foreground, until Ctrl-C or SIGTERM."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from omnitune import serving, verdict
from omnitune.errors import run


def main(argv: Sequence[str] | None = None) -> int:
    """Return when the server was asked to end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--args", type=Path, required=True, help="arguments file of render.py")
    parser.add_argument("--port", type=_port, help="port, instead of the one in the arguments file")
    parser.add_argument("--logs", type=Path, required=True, help="folder for ms-swift's output")
    options = parser.parse_args(argv)
    arguments = serving.read_arguments(options.args)
    if options.port is not None:
        arguments["port"] = options.port
    with verdict.recorded(options.logs / f"deploy-{arguments['port']}.swift.log"):
        serving.serve(arguments, options.args.parent, options.logs)
    return 0


def _port(text: str) -> int:
    if not 0 < int(text) < 65536:
        raise ValueError
    return int(text)


if __name__ == "__main__":
    run(main)
