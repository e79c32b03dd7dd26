"""Ask the final model and what it was merged from the same questions, and publish whether they answer alike."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from omnitune import job_options, parity, swift_args
from omnitune.config.media import MediaConfig
from omnitune.errors import run
from omnitune.supervisor import options as watch


def main(argv: Sequence[str] | None = None) -> int:
    """Publish the file named by --output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--merged", type=Path, required=True, help="folder of the final model")
    parser.add_argument("--base", type=Path, required=True, help="folder of what was trained on")
    parser.add_argument("--trained", type=Path, required=True, help="folder of the adapter or the trained weights")
    parser.add_argument(
        "--rows", type=Path, action="append", required=True, help="rows; the first file that has any"
    )
    parser.add_argument("--count", type=int, required=True, help="rows to ask")
    parser.add_argument("--media", type=json.loads, required=True, help="the media section of the config, JSON")
    parser.add_argument("--device", choices=["cuda", "cpu"], required=True)
    parser.add_argument("--output", type=Path, required=True, help="file of the verdict")
    job_options.add(parser)
    options = parser.parse_args(argv)
    job = parity.Job(
        merged=options.merged,
        beneath=options.base,
        trained=options.trained,
        rows=options.rows,
        count=options.count,
        environment=swift_args.media_environment(MediaConfig.model_validate(options.media)),
        device=options.device,
        output=options.output,
        log=options.log,
        python=options.python,
        worker=Path(__file__).with_name("answer_twice.py"),
        gpus=options.gpus,
        limits=watch.limits(options),
        echo=options.echo,
    )
    with job_options.attempt(options, options.gpus) as attempt:
        parity.check(job, attempt.works_on)
    return 0


if __name__ == "__main__":
    run(main)
