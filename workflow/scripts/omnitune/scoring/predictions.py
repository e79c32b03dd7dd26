"""The predictions of one stage, read and checked row by row."""

from pathlib import Path

import msgspec

from omnitune.errors import ExitCode, PipelineError


class Prediction(msgspec.Struct, gc=False):
    """One answer of a model; `reference` is None when the row has no right answer to compare with."""

    id: str
    source: str
    task: str
    modality: str
    prediction: str
    reference: str | None


def read(path: Path) -> list[Prediction]:
    """The rows of `path` in order; a broken, empty or ambiguous file is a PipelineError with its line."""
    if not path.is_file():
        raise _error(f"{path}", "there is no such predictions file", "Run the infer stage first.")
    decoder = msgspec.json.Decoder(Prediction)
    rows: list[Prediction] = []
    lines: dict[str, int] = {}
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            where = f"{path}:{number}"
            try:
                row = decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise _error(where, f"not a prediction: {error}", "Run the infer stage again.") from None
            if row.id in lines:
                what = f'the id "{row.id}" is already on line {lines[row.id]}'
                raise _error(where, what, "Run the infer stage again; ids are unique over a run.")
            lines[row.id] = number
            rows.append(row)
    if not rows:
        raise _error(f"{path}", "the file holds no predictions", "Give the test split rows, or turn infer off.")
    return rows


def check_same_rows(
    base: dict[str, Prediction], base_path: Path, other: dict[str, Prediction], path: Path
) -> None:
    """Refuse two stages that did not answer the same questions: a comparison of them would mean nothing."""
    again = "Run infer again for both stages on the same test split."
    for having, lacking, lacking_path in ((base, other, path), (other, base, base_path)):
        absent = [key for key in having if key not in lacking]
        if absent:
            source = base_path if having is base else path
            what = f'{len(absent)} of the {len(having)} ids of {source} are missing, the first is "{absent[0]}"'
            raise _error(f"{lacking_path}", what, again)
    for key, row in base.items():
        twin = other[key]
        if (row.reference, row.task, row.modality) != (twin.reference, twin.task, twin.modality):
            what = f'the row "{key}" has another reference, task or modality than in {base_path}'
            raise _error(f"{path}", what, again)


def _error(where: str, what: str, fix: str) -> PipelineError:
    return PipelineError(what, where=where, fix=fix, code=ExitCode.DATA)
