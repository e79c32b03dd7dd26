"""Serve completions to a GRPO training, in the foreground, until it ends or SIGTERM; train.py starts it."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from omnitune import rollout_server
from omnitune.errors import run


def main(argv: Sequence[str] | None = None) -> int:
    """Return when the server was asked to end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--args", type=Path, required=True, help="arguments file of render.py")
    parser.add_argument("--python", required=True, help="interpreter of an environment with vLLM")
    parser.add_argument("--devices", default="", help="numbers of its GPUs, 0,1; empty runs on the CPU")
    parser.add_argument("--port", type=int, required=True, help="where it listens; the next one takes weights")
    parser.add_argument("--cache", type=Path, required=True, help="folder for its caches")
    parser.add_argument("--log", type=Path, required=True, help="file for ms-swift's output")
    options = parser.parse_args(argv)
    rollout_server.serve(
        json.loads(options.args.read_bytes()),
        python=options.python,
        devices=options.devices,
        port=options.port,
        cache=options.cache,
        log=options.log,
    )
    return 0


if __name__ == "__main__":
    run(main)
