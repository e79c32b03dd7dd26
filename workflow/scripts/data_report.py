"""Makes the page about a run's data: what became of every row, what the rows are like, and examples of each kind.

--sources is a JSON list of {"name", "converted": [FILE...], "valid": [FILE...]}, one entry a source and one file a
shard; @FILE reads the list from a file.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import msgspec

from omnitune import errors, publish
from omnitune.config.media import MediaConfig
from omnitune.data_report.collect import SourceFiles, summarize
from omnitune.data_report.page import render, shown_media
from omnitune.data_report.preview import previews
from omnitune.data_report.samples import find_rows
from omnitune.swift_args import media_environment
from omnitune.tokens.budget import effective_budget


def main(argv: Sequence[str] | None = None) -> int:
    """Write the page; returns the exit code."""
    args = _parser().parse_args(argv)
    media = MediaConfig.model_validate_json(args.media)
    summary = summarize(args.ledger, args.sources)
    converted = [(source.name, Path(path)) for source in args.sources for path in source.converted]
    samples = list(find_rows(summary.draw.drawn(), converted))
    found = json.loads(args.split_manifest.read_bytes())["leakage"]
    leakage = found["splits"] | {f"train-{name}": counts for name, counts in found["eval_sources"].items()}
    shown = previews([medium for sample in samples for medium in shown_media(sample)])
    budget = effective_budget(media, media_environment(media))
    page = render(args.run, summary, samples, budget, shown, leakage)
    with publish.open_atomic(args.output) as file:
        file.write(page.encode())
    return errors.ExitCode.OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="data_report.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--run", required=True, metavar="NAME", help="name of the run")
    add("--ledger", type=Path, required=True, metavar="FILE", help="the split's ledger")
    add("--split-manifest", type=Path, required=True, metavar="FILE", help="the split's manifest")
    add("--sources", required=True, type=_sources, metavar="JSON", help="files of the sources (see above)")
    add("--media", required=True, metavar="JSON", help="the media section of the config")
    add("--output", type=Path, required=True, metavar="FILE", help="report.html to write")
    return parser


def _sources(text: str) -> list[SourceFiles]:
    content = Path(text[1:]).read_bytes() if text.startswith("@") else text.encode()
    try:
        return msgspec.json.decode(content, type=list[SourceFiles])
    except msgspec.DecodeError as error:
        raise argparse.ArgumentTypeError(f"not a list of sources: {error}") from None


if __name__ == "__main__":
    errors.run(main)
