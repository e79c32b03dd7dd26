"""Make the final model: the base's files with the trained changes written into them."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from omnitune import job_options, verdict
from omnitune.base_model import folder_of
from omnitune.errors import run
from omnitune.merging import merge


def main(argv: Sequence[str] | None = None) -> int:
    """Publish the final model in the folder named by --output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, required=True, help="folder with the base's manifest")
    parser.add_argument("--trained", type=Path, required=True, help="folder of the trained model")
    parser.add_argument("--data", type=Path, help="manifest of the split, whose counts the model card tells")
    parser.add_argument("--output", type=Path, required=True, help="folder of the final model")
    parser.add_argument(
        "--log", type=Path, required=True, help="file of its own output; the verdict lies beside it"
    )
    job_options.add_attempt(parser)
    options = parser.parse_args(argv)
    with verdict.recorded(options.log, options.attempt) as attempt:
        merge(
            folder_of(options.base),
            options.trained,
            options.output,
            manifest=options.base / "manifest.json",
            data=options.data,
            begin=attempt.works_on,
        )
    return 0


if __name__ == "__main__":
    run(main)
