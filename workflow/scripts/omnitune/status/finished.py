"""The finished stages of a run: what is published is complete, so being there is the proof."""

from collections.abc import Iterator
from pathlib import Path

from omnitune import alive
from omnitune.progress import modified, number
from omnitune.status.stage import Stage


def find(results: Path) -> Iterator[Stage]:
    """The stages whose results lie under `results`, a run's folder; a new model stage needs no word here."""
    yield from _folders(results, "convert")
    yield from _folders(results, "validate")
    for path in _files(results, "model/manifest.json", "split/manifest.json"):
        yield Stage(path.parent.name, "", "done", modified(path))
    for path in _files(results, "*/*/model/manifest.json"):
        yield Stage(path.parents[1].name, path.parents[2].name, "done", modified(path), **_of_training(path))
    for path in _files(results, "*/infer.jsonl"):
        yield Stage("infer", path.parent.name, "done", modified(path))
    for path in _files(results, "*/infer/*.jsonl"):
        yield Stage(f"infer.{path.stem}", path.parents[1].name, "done", modified(path))
    for path in _files(results, "*/score/metrics.json"):
        yield Stage("score", path.parents[1].name, "done", modified(path))
    for path in _files(results, "report.html"):
        yield Stage("report", "", "done", modified(path))


def _files(folder: Path, *patterns: str) -> list[Path]:
    return [path for pattern in patterns for path in sorted(folder.glob(pattern)) if path.is_file()]


def _folders(results: Path, stage: str) -> Iterator[Stage]:
    """A stage with a folder per source and a file per shard; ledgers are told from rows by their two suffixes."""
    for folder in sorted(results.glob(f"{stage}/*")):
        shards = [path for path in folder.glob("*.jsonl") if path.stem.isdigit()]
        if shards:
            count = f"{len(shards)} shard{'s' if len(shards) > 1 else ''}"
            yield Stage(stage, folder.name, "done", max(map(modified, shards)), progress=count)


def _of_training(manifest: Path) -> dict[str, str]:
    facts = alive.read(manifest)
    if "global_step" not in facts:
        return {}
    return {
        "progress": f"{facts['global_step']}/{facts.get('max_steps', '?')} steps",
        "loss": number(facts.get("train_loss")),
    }
