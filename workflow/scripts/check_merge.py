"""Ask the final model and what it was merged from the same questions, and publish whether they answer alike."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from omnitune import parity, swift_args, swift_process, verdict
from omnitune.config.media import MediaConfig
from omnitune.errors import run


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
    parser.add_argument("--log", type=Path, required=True, help="file for ms-swift's output")
    parser.add_argument("--python", required=True, help="interpreter of the swift environment")
    parser.add_argument("--gpus", type=int, default=0, help="GPUs that a model is spread over; 0 runs on the CPU")
    parser.add_argument("--granted", type=int, default=0, help="GPUs that the scheduler gave")
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
    )
    with verdict.recorded(options.log):
        swift_process.check_grant(options.granted, options.gpus)
        parity.check(job)
    return 0


if __name__ == "__main__":
    run(main)
