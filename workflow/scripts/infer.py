"""Answer the test rows with ms-swift and publish the answers with the rows' ids."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from omnitune import job_options
from omnitune.errors import run
from omnitune.inference import infer
from omnitune.supervisor import options as watch


def main(argv: Sequence[str] | None = None) -> int:
    """Publish the file named by --output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--args", type=Path, required=True, help="arguments file of render.py")
    parser.add_argument("--input", type=Path, action="append", default=[], help="manifest of a model that answers")
    parser.add_argument("--test", type=Path, required=True, help="the rows")
    parser.add_argument("--output", type=Path, required=True, help="file of the predictions")
    job_options.add(parser)
    options = parser.parse_args(argv)
    arguments = json.loads(options.args.read_bytes())
    watched = {"answers": Path(arguments["result_path"]), "rows": options.test}
    with job_options.attempt(options, options.gpus, **watched) as attempt:
        infer(
            arguments,
            options.input,
            options.test,
            options.output,
            python=options.python,
            log=options.log,
            devices=options.gpus,
            limits=watch.limits(options),
            echo=options.echo,
            begin=attempt.works_on,
        )
    return 0


if __name__ == "__main__":
    run(main)
