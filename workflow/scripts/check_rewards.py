"""Try every reward of a GRPO training on its prompts, with completions of known worth, before a GPU is asked for.

Prints a table of means. Exit code 78 when a reward must not be trained on: it fails, is too slow, reads a column
that no prompt has, gives all completions the same, or does not give right answers more than garbage.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from omnitune import base_model
from omnitune.config.grpo import LabConfig
from omnitune.errors import run
from omnitune.reward_lab import lab


def main(argv: Sequence[str] | None = None) -> int:
    """Write the file named by --output."""
    parser = argparse.ArgumentParser(
        prog="check_rewards.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--args", type=Path, required=True, help="the training's arguments file")
    parser.add_argument("--prompts", type=Path, required=True, help="JSONL of rows to sample completions of")
    parser.add_argument("--model", type=Path, required=True, help="folder with the base's manifest")
    parser.add_argument("--lab", type=json.loads, default={}, help="the section grpo.lab of the config, JSON")
    parser.add_argument("--output", type=Path, required=True, help="JSON file to write")
    options = parser.parse_args(argv)
    lab.run(
        json.loads(options.args.read_bytes()),
        options.prompts,
        LabConfig.model_validate(options.lab),
        model=base_model.folder_of(options.model),
        output=options.output,
    )
    return 0


if __name__ == "__main__":
    run(main)
