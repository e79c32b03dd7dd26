"""Makes the report of a run: one self-contained HTML page over all its experiments.

    report.py --run demo --split-manifest results/demo/split/manifest.json \\
              --model-manifest results/demo/model/manifest.json --experiments JSON --output report.html

JSON is a list with an entry for each experiment, in the order to show them; a stage that did not run is
left out, and the folders are those of the models:

    [{"name": "main", "metrics": "score/metrics.json", "sft": "sft/model", "merge": "merge/model"}]
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from omnitune import errors, publish


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(
        prog="report.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    top.add_argument("--run", required=True, metavar="NAME", help="name of the run")
    top.add_argument("--split-manifest", type=Path, required=True, metavar="FILE", help="what the data became")
    top.add_argument("--model-manifest", type=Path, required=True, metavar="FILE", help="the base model")
    top.add_argument("--experiments", required=True, metavar="JSON", help="the results of each experiment")
    top.add_argument("--output", type=Path, required=True, metavar="FILE", help="report.html to write")
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Write the page; returns the exit code."""
    args = parser().parse_args(argv)

    from omnitune.reporting.inputs import Experiment, Model, Split, decode, read
    from omnitune.reporting.page import render

    experiments = decode(args.experiments, list[Experiment], "--experiments", errors.ExitCode.USAGE)
    page = render(args.run, read(args.split_manifest, Split), read(args.model_manifest, Model), experiments)
    with publish.open_atomic(args.output) as file:
        file.write(page.encode())
    return 0


if __name__ == "__main__":
    errors.run(main)
