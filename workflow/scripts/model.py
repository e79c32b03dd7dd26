"""Find or download the base checkpoint, check it, and describe it in a manifest."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from omnitune.base_model import inspect
from omnitune.errors import run


def main(argv: Sequence[str] | None = None) -> int:
    """Write OUTPUT/manifest.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", required=True, help="folder of the checkpoint, or its id on the hub")
    parser.add_argument("--hub", choices=["huggingface", "modelscope"], default="huggingface")
    parser.add_argument("--revision", help="commit or tag on the hub")
    parser.add_argument("--output", type=Path, required=True, help="folder of the manifest")
    options = parser.parse_args(argv)
    inspect(options.source, options.output, hub=options.hub, revision=options.revision)
    return 0


if __name__ == "__main__":
    run(main)
