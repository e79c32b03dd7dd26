"""What cannot be right with an entry of `sources:`, each a sentence."""

from collections.abc import Iterator
from pathlib import Path

from omnitune.config.run import Config
from omnitune.config.sentences import Where
from omnitune.converters import SHAPES, check_columns, templates
from omnitune.errors import PipelineError
from omnitune.readers import READERS, reader_name


def braced(path: str) -> bool:
    """Whether Snakemake would read a wildcard in a path."""
    return "{" in path or "}" in path


def source_mistakes(name: str, config: Config, where: Where) -> Iterator[str]:
    """The mistakes of one source, alone and against the rest of the config."""
    source = config.sources[name]

    def at(key: str) -> str:
        return where(("sources", name, key))

    path, reader = Path(source.path), reader_name(source.format, Path(source.path))
    if braced(source.path):
        yield f"{at('path')}: {source.path} holds a brace, which Snakemake takes for a wildcard. Rename it."
    # What lies under results/ is made by the pipeline itself, as in the demo.
    if not source.path.startswith("results/"):
        if source.format == "folder" and not path.is_dir():
            yield f"{at('path')}: there is no folder {source.path}. Mend the path."
        elif path.is_dir() and source.format not in ("folder", "unified", "qa"):
            yield f"{at('path')}: {source.path} is a folder. Name a file of rows, or set format: folder."
        elif source.format != "folder" and not path.exists():
            yield f"{at('path')}: there is no file {source.path}. Mend the path."
        elif not (path.is_file() or path.is_dir()):
            yield f"{at('path')}: {source.path} is neither a file nor a folder. Mend the path."
    if source.shards > 1 and not READERS[reader].sharded:
        kind = "a folder" if reader == "folder" else f"a {reader} file"
        yield f"{at('shards')}: {kind} cannot be parted. Set shards: 1, or write JSONL or Parquet."
    if source.format in SHAPES and source.format != "unified":
        for key in ("user_template", "assistant_template"):
            if key in source.model_fields_set:
                yield f"{at(key)}: rows of the format {source.format} have turns of their own. Remove it."
    else:
        for key, mistake in templates.mistakes(source.templates()):
            yield f"{at(key)} {mistake}"
    try:
        check_columns(source.format, source.columns, name)
    except PipelineError as error:
        yield f"{at('columns')} {error.what}. {error.fix}"
    if source.extract_audio and config.media.audio_in_video:
        yield (
            f"{at('extract_audio')}: with media.audio_in_video the sound of a video would be heard twice. "
            "Set one of them to false."
        )
    for task in [source.task] if "eval" in source.use else []:
        if task not in config.score.tasks and "default" not in config.score.tasks:
            yield (
                f"{where(('score', 'tasks'))} has no metrics for the task {task} of source {name}. "
                "Add the task, or default."
            )
