"""One source of rows to a guess at its entry under `sources:`, tried on its first rows by the real converter."""

import re
import tempfile
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from omnitune.config.sources import SourceConfig, Use
from omnitune.config.validate import ValidateConfig
from omnitune.converters import convert_rows, open_source
from omnitune.errors import ExitCode, PipelineError
from omnitune.guess.columns import Columns, guess_columns
from omnitune.guess.files import Sample, find_files, take_sample
from omnitune.guess.roots import Media, find_media, shown
from omnitune.guess.task import Task, guess_task
from omnitune.readers import Part
from omnitune.records import Converted, Record
from omnitune.validation.policy import without_stops
from omnitune.validation.validate import Gate

_HELD_OUT = re.compile(r"(?:^|[_.-])(?:test|eval|evaluation|val|valid|validation|dev)(?:$|[_.-])", re.IGNORECASE)
_ANSWERS = (
    "End the turns with the assistant's (SFT), or add a column solution (GRPO); prompts alone need a file of test "
    "rows with answers beside theirs."
)


@dataclass(frozen=True)
class SourceGuess:
    """What one file was taken for.

    Attributes:
        name: key under `sources:`.
        sample: the rows that were looked at.
        columns, media, task: what they were taken for.
        use, by_name: what the rows may become, and whether the files' names decided it.
        answered: how many of the sampled records have an answer.
        fit: how many of the sampled rows the pipeline would take.
        failures: (count, code, first message) of each kind of row that it would not take.
    """

    name: str
    sample: Sample
    columns: Columns
    media: Media
    task: Task
    use: list[Use]
    by_name: bool
    answered: int
    fit: int
    failures: list[tuple[int, str, str]]

    def config(self) -> SourceConfig:
        """The entry."""
        return SourceConfig(
            format="folder" if self.sample.path.is_dir() else self.columns.format,
            path=shown(self.sample.path),
            use=self.use,
            task=self.task.name,
            columns=self.columns.columns,
        )


def guess_all(data: Path) -> tuple[list[SourceGuess], list[PipelineError]]:
    """A guess for each file of `data`, and why the others are left out.

    Raises:
        PipelineError: no file can be used.
    """
    files = find_files(data)
    # Test files of their own are for evaluation, and then the others are for training only.
    parted = len({is_held_out(path) for path in files}) == 2
    guesses: list[SourceGuess] = []
    left_out = []
    for path in files:
        try:
            taken = {guess.name for guess in guesses}
            guesses.append(guess_source(path, data, taken, is_held_out(path) if parted else None))
        except PipelineError as error:
            left_out.append(error)
    if not guesses:
        raise left_out[0]
    return guesses, left_out


def guess_source(path: Path, data: Path, taken: Collection[str], held_out: bool | None = None) -> SourceGuess:
    """Look at a file and try the guess on its first rows.

    Args:
        path: the file.
        data: what the user named.
        taken: names that other sources have.
        held_out: whether the file is for evaluation only; None: its rows are parted by the split.

    Raises:
        PipelineError: it cannot be read, cannot be guessed, or no row of it could be used.
    """
    sample = take_sample(path)
    columns = guess_columns(sample.rows)
    if isinstance(columns, str):
        fix = "Give each row a question, or a text and media; or rename the column that holds it."
        raise PipelineError(columns, where=str(path), fix=fix, code=ExitCode.DATA)
    media = find_media(sample.rows, columns.columns, path, data)
    guess = SourceGuess(
        name=_name(path, taken),
        sample=sample,
        columns=columns,
        media=media,
        task=guess_task([]),
        use=["sft", "eval"],
        by_name=held_out is not None,
        answered=0,
        fit=0,
        failures=[],
    )
    # Media inside rows are written out by the converter; the trial leaves nothing behind.
    with tempfile.TemporaryDirectory(prefix="omnitune-init-") as folder:
        return _tried(guess, Path(folder), held_out)


def _tried(guess: SourceGuess, folder: Path, held_out: bool | None) -> SourceGuess:
    # Named as the config will name them, so that messages read alike.
    path = guess.sample.path
    roots = [Path(shown(root)) for root in guess.media.roots] or [path if path.is_dir() else path.parent]
    source = open_source(guess.name, guess.sample.path, "default", guess.columns.columns, roots, folder)
    converted = list(convert_rows(source, guess.columns.format, Part(max_rows=guess.sample.looked)))
    records = [row for row in converted if isinstance(row, Record)]
    answered = [record for record in records if record.answer() is not None]
    imitable = any(record.messages and record.messages[-1].role == "assistant" for record in records)
    # Without the assistant's turn a row is a prompt: its completions are rated, not imitated.
    use: list[Use] = [] if held_out else ["sft" if imitable else "grpo"]
    if held_out or (held_out is None and answered):
        use.append("eval")
    if held_out and records and not answered:
        raise PipelineError(
            f"{_none_of(len(converted))} has an answer to compare with", where=shown(path), fix=_ANSWERS,
            code=ExitCode.DATA,
        )  # fmt: skip
    guess = replace(guess, task=guess_task(answered), use=use, answered=len(answered))
    # Each kind of failure, and whether it would leave anything, as the validate stage will see it.
    failures = list(_failures(converted, guess))
    kinds = Counter(code for code, _ in failures)
    first = dict(reversed(failures))
    counted = [(count, code, first[code]) for code, count in kinds.most_common()]
    fit = len(converted) - len(failures)
    if not fit:
        raise PipelineError(
            f"{_none_of(len(converted))} can be used; {counted[0][2]}",
            fix="Correct the data, or write the config by hand (config/README.md).",
            code=ExitCode.DATA,
        )
    return replace(guess, fit=fit, failures=counted)


def _failures(converted: Sequence[Converted], guess: SourceGuess) -> Iterator[tuple[str, str]]:
    """(code, message) of every row that the pipeline would reject."""
    gate = Gate(shown(guess.sample.path), guess.use, ValidateConfig(policy=without_stops({})))
    for judged in gate.judge(converted):
        verdict = judged.ledger
        if verdict.verdict == "rejected":
            yield verdict.codes[0], verdict.message


def _none_of(rows: int) -> str:
    return "no row" if rows == 1 else f"none of the first {rows} rows"


def _name(path: Path, taken: Collection[str]) -> str:
    """A source name that says which file it is."""
    plain = re.sub(r"[^a-z0-9_-]+", "_", path.stem.lower()).strip("_-")[:60] or "data"
    name, number = plain, 2
    while name in taken:
        name, number = f"{plain}_{number}", number + 1
    return name


def is_held_out(path: Path) -> bool:
    """Whether a file's name says that it is for evaluation."""
    return bool(_HELD_OUT.search(path.stem))


def refuse_unusable(guesses: Sequence[SourceGuess], data: Path) -> None:
    """Refuse data that leave nothing to train on, or nothing to score the model by."""
    uses = {use for guess in guesses for use in guess.use}
    if not any(guess.answered for guess in guesses):
        what, fix = "no row has an answer, to train on or to compare with", _ANSWERS
    elif "eval" not in uses or uses == {"eval"}:
        kind = "testing" if "eval" in uses else "training"
        what, fix = f"only the files for {kind}, by their names, can be used", "Mend the others, or name one file."
    else:
        return
    raise PipelineError(what, where=str(data), fix=fix, code=ExitCode.DATA)
