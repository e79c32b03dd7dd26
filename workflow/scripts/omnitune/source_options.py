"""What the commands of the data stages are told of the sources."""

import json
from collections.abc import Mapping

from omnitune.config.sources import SourceConfig
from omnitune.converters.templates import Templates


def for_convert(source: SourceConfig) -> list[str]:
    """Arguments of convert.py for the keys of a source that are not left as they are."""
    templates = source.templates()
    options = {
        "--max-rows": source.max_rows,
        "--system": source.system,
        "--user-template": templates.user if templates.user != Templates().user else None,
        "--assistant-template": (
            (templates.assistant or "") if templates.assistant != Templates().assistant else None
        ),
        "--extract-audio": "true" if source.extract_audio else None,
    }
    # One argument each: a text may begin with a dash.
    return [f"{option}={value}" for option, value in options.items() if value is not None]


def for_split(run: str, sources: Mapping[str, SourceConfig]) -> str:
    """What split.py is told of each source."""
    return json.dumps(
        [
            {
                "name": name,
                "use": source.use,
                "path": source.path,
                "valid": _shards(run, "validate", name, source, ".jsonl"),
                "ledger": _shards(run, "validate", name, source, ".ledger.jsonl"),
            }
            for name, source in sources.items()
        ]
    )


def for_report(run: str, sources: Mapping[str, SourceConfig]) -> str:
    """What data_report.py is told of each source."""
    return json.dumps(
        [
            {
                "name": name,
                "converted": _shards(run, "convert", name, source, ".jsonl"),
                "valid": _shards(run, "validate", name, source, ".jsonl"),
            }
            for name, source in sources.items()
        ]
    )


def validated(run: str, sources: Mapping[str, SourceConfig], kind: str) -> list[str]:
    """The validate stage's files of all sources; `kind` is `.jsonl`, `.ledger.jsonl` or `.part.json`."""
    return [path for name, source in sources.items() for path in _shards(run, "validate", name, source, kind)]


def _shards(run: str, stage: str, name: str, source: SourceConfig, kind: str) -> list[str]:
    return [f"results/{run}/{stage}/{name}/{shard}{kind}" for shard in range(source.shards)]
