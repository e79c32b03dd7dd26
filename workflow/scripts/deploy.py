"""Serve a run's final model, in the foreground, until Ctrl-C or SIGTERM."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from omnitune import run_name, serving, verdict
from omnitune.errors import ExitCode, PipelineError, run


def main(argv: Sequence[str] | None = None) -> int:
    """Return when the server was asked to end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", required=True, metavar="NAME", help="the run")
    parser.add_argument("--experiment", default="main", metavar="NAME", help="the experiment (main)")
    parser.add_argument("--port", default="", help="port, instead of the one in the arguments file")
    options = parser.parse_args(argv)
    run_name.check(options.run, "make serve RUN=name")
    folder = Path("results", options.run, options.experiment, "deploy")
    logs = Path("logs", options.run, options.experiment)
    port = _port(options.port)
    arguments = serving.read_arguments(folder / "args.json")
    arguments["port"] = port or arguments["port"]
    with verdict.recorded(logs / f"deploy-{arguments['port']}.swift.log"):
        serving.serve(arguments, folder, logs)
    return 0


def _port(text: str) -> int | None:
    if not text:
        return None
    if text.isascii() and text.isdigit() and 0 < int(text) < 65536:
        return int(text)
    raise PipelineError(
        f"PORT: {text!r} is no port", fix="Give a whole number from 1 to 65535.", code=ExitCode.USAGE
    )


if __name__ == "__main__":
    run(main)
