"""Write the reference pages from the code: the config's, its schema, and the page of codes."""

import argparse
from collections.abc import Sequence

from omnitune.config import describe
from omnitune.environments import ROOT
from omnitune.errors import PipelineError, run
from omnitune.validation import describe as codes


def main(argv: Sequence[str] | None = None) -> int:
    """Write the files; with --check only compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail when a file is not current")
    options = parser.parse_args(argv)
    pages = {
        "config/README.md": describe.markdown(),
        "config/schema.json": describe.schema(),
        "docs/codes.md": codes.markdown(),
    }
    for name, text in pages.items():
        path = ROOT / name
        if not options.check:
            path.write_text(text, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            raise PipelineError("it is not what the models say", where=name, fix="Run: make docs")
    return 0


if __name__ == "__main__":
    run(main)
