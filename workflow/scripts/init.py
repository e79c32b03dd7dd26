"""Looks at a data set and writes a config to begin with: config/RUN.yaml, never over a file that is there.

DATA is a file of rows (JSONL, JSON, CSV, TSV, Parquet), a folder of them, or a folder of media. The first rows of
each are read; format, columns, media roots, task and metrics are guessed from them and tried with the real
converter, and every guess is printed with its reason.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from omnitune import errors, guess, run_name
from omnitune.guess import report

_CONFIGS = Path("config")
_EXAMPLE = "make init RUN=name DATA=path/to/rows.jsonl"


def main(argv: Sequence[str] | None = None) -> int:
    """Guess, print and write; returns the exit code."""
    args = _parser().parse_args(argv)
    run_name.check(args.run, _EXAMPLE)
    _refuse_model(args.model)
    if not args.data:
        raise errors.PipelineError("DATA is missing", fix=f"Run: {_EXAMPLE}", code=errors.ExitCode.USAGE)
    guess.refuse_existing(_CONFIGS / f"{args.run}.yaml")
    data = Path(args.data).expanduser()
    guesses, left_out = guess.guess_all(data)
    guess.refuse_unusable(guesses, data)
    path, config = guess.write_config(args.run, guesses, args.model, _CONFIGS)
    print(report.as_text(guesses, left_out, path, config))
    return errors.ExitCode.OK


def _refuse_model(model: str | None) -> None:
    from omnitune.config.model import is_hub_id

    if model and not is_hub_id(model) and not Path(model).expanduser().is_dir():
        raise errors.PipelineError(
            f"MODEL: there is no folder {model}", fix="Name a folder, or a hub id such as Qwen/NAME."
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="init.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--run", required=True, metavar="NAME", help="name of the run and of the config file")
    add("--data", required=True, metavar="PATH", help="file of rows, folder of them, or folder of media")
    add("--model", metavar="PATH", help="folder of the base checkpoint, or its hub id (default: the 30B)")
    return parser


if __name__ == "__main__":
    errors.run(main)
