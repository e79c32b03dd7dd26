"""What was guessed and why, for the person at the terminal."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from omnitune.config.run import Config
from omnitune.errors import PipelineError
from omnitune.guess.roots import shown
from omnitune.guess.source import SourceGuess

_FAILURES_SHOWN = 5


def as_text(guesses: Sequence[SourceGuess], left_out: Sequence[PipelineError], path: Path, config: Config) -> str:
    """A block per file, what was left out, and the next commands."""
    return "\n".join(_lines(guesses, left_out, path, config))


def _lines(
    guesses: Sequence[SourceGuess], left_out: Sequence[PipelineError], path: Path, config: Config
) -> Iterator[str]:
    for guess in guesses:
        yield from _source(guess, config.validate_.max_rejected)
        yield ""
    for error in left_out:
        yield f"left out: {error}"
    yield f"Wrote {path}. Read it, then see what would run, and run it:"
    yield f"  snakemake -n --configfile {path}"
    yield f"  snakemake --cores all --resources gpu=4 --configfile {path}"


def _source(guess: SourceGuess, max_rejected: float) -> Iterator[str]:
    sample = guess.sample
    total = str(sample.total) if sample.whole else f"about {_rounded(sample.total)}"
    looked = "all" if sample.whole else f"the first {sample.looked}"
    yield f"{shown(sample.path)}: {_rows(total)}, looked at {looked}"
    yield _line("format", f"{guess.columns.format}: {guess.columns.why}")
    if guess.columns.columns:
        yield _line("columns", ", ".join(f"{old} -> {new}" for old, new in guess.columns.columns.items()))
    yield from (_line("", note) for note in guess.columns.notes)
    if media := _media(guess):
        yield _line("media", media)
    yield _line("task", f"{guess.task.name} ({', '.join(guess.task.metrics)}): {guess.task.why}")
    prompts = "; no assistant's turn to imitate" if "grpo" in guess.use else ""
    by_name = "; train and test are parted by the files' names" if guess.by_name else ""
    answered = f"{guess.answered} of {sample.looked} have an answer"
    yield _line("use", f"{', '.join(guess.use)}: {answered}{prompts}{by_name}")
    yield _line("fit", f"{guess.fit} of {sample.looked} rows pass the converter and the checks")
    for count, code, message in guess.failures[:_FAILURES_SHOWN]:
        yield f"    {count} x {code}{', first' if count > 1 else ':'} {message}"
    if len(guess.failures) > _FAILURES_SHOWN:
        yield f"    and {len(guess.failures) - _FAILURES_SHOWN} more kinds"
    if guess.fit < (1 - max_rejected) * sample.looked:
        yield f"    The run stops when more than {max_rejected:.0%} are rejected (validate.max_rejected)."


def _media(guess: SourceGuess) -> str:
    media = guess.media
    parts = []
    if media.named:
        roots = ", ".join(shown(root) for root in media.roots)
        parts.append(f"{media.found} of {media.named} files found" + (f", root {roots}" if roots else ""))
    if media.embedded:
        parts.append(f"{media.embedded} inside the rows")
    if media.urls:
        parts.append(f"{media.urls} URLs, which are not read: download them")
    return "; ".join(parts)


def _line(label: str, text: str) -> str:
    return f"  {label:<8} {text}"


def _rows(total: str) -> str:
    return f"{total} row" if total == "1" else f"{total} rows"


def _rounded(number: int) -> int:
    digits = max(len(str(number)) - 2, 0)
    return round(number, -digits)
