"""Rows with their lengths in the form that ms-swift takes without reading a medium: a cached dataset.

`swift sft --cached_dataset FOLDER --group_by_length true` puts rows of like length together. ms-swift's own
`swift export --to_cached_dataset` makes such a folder by encoding every row; it holds the rows themselves and one
number each, so a length that is known otherwise serves as well. Runs in the swift environment.

VERSION is what the folder depends on: raise it only when its files would change.
"""

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

import msgspec

from omnitune.errors import ExitCode, PipelineError
from omnitune.publish import publish_folder, sha256, staging
from omnitune.records import MODALITIES, Record, read_records

VERSION = 1


class Length(msgspec.Struct):
    """One line of a file of lengths: the row's id, and its tokens in all."""

    id: str
    tokens: int


def cache_rows(rows: Path, lengths: Path, output: Path) -> int:
    """Write `output`, which appears when it is complete; returns the number of rows. Equal input, equal files.

    Args:
        rows: JSONL of records.
        lengths: JSONL of `Length`, one a record in the same order.
        output: folder for `--cached_dataset`.

    Raises:
        PipelineError: when the two files do not belong together, or a length is not known.
    """
    from datasets import Dataset, disable_progress_bars
    from datasets.arrow_writer import ArrowWriter

    if rows.stat().st_size and not lengths.stat().st_size:
        raise PipelineError(
            "the lengths of these rows are not all known",
            where=str(rows),
            fix="Set validate.lengths: true and validate.policy.E223: reject, which leaves out the rows in "
            "question, or train without sft.group_by_length and sft.packing.",
            code=ExitCode.DATA,
        )
    disable_progress_bars()
    with staging(output) as folder:
        table = folder / "table.arrow"
        # It flushes every so many rows, and what follows maps the file: memory does not grow with the data.
        with ArrowWriter(path=str(table), features=_features(), writer_batch_size=1000) as writer:
            for row in _paired(rows, lengths):
                writer.write(row)
            count, _ = writer.finalize()
        new = folder / "dataset"
        dataset = Dataset.from_file(str(table), split="train")
        # Else the time of the temporary file decides it.
        dataset._fingerprint = f"{sha256(rows)[:16]}{sha256(lengths)[:16]}"
        # The size of none is not to be estimated.
        dataset.save_to_disk(new, num_shards=None if count else 1)
        publish_folder(new, output)
    return int(count)


def _features() -> Any:
    """The columns and types that ms-swift writes (swift/dataset/preprocessor/core.py, _patch_arrow_writer)."""
    from datasets import Features, List, Value
    from datasets.features import Json

    return Features(
        messages=List(Json()),
        images=List({"bytes": Value("binary"), "path": Value("string")}),
        videos=List(Value("string")),
        audios=List(Value("string")),
        dataset=Value("string"),
        lengths=List(Value("int64")),
    )


def _paired(rows: Path, lengths: Path) -> Iterator[dict[str, Any]]:
    for number, (record, length) in enumerate(zip_longest(read_records(rows), _read_lengths(lengths)), 1):
        if record is None or length is None or record.id != length.id:
            found = "no row more" if record is None else f"row {record.id}"
            other = "no length more" if length is None else f"a length of {length.id}"
            raise PipelineError(
                f"line {number} has {found} but {other}",
                where=f"{rows} and {lengths}",
                fix="Count the rows of this file.",
                code=ExitCode.DATA,
            )
        yield _row(record, length.tokens, rows.name)


def _row(record: Record, tokens: int, name: str) -> dict[str, Any]:
    media: dict[str, Any] = {f"{modality}s": getattr(record, f"{modality}s") or None for modality in MODALITIES}
    if record.images:
        media["images"] = [{"bytes": None, "path": path} for path in record.images]
    messages = [{"role": message.role, "content": message.content} for message in record.messages]
    return {"messages": messages, **media, "dataset": name, "lengths": [tokens]}


def _read_lengths(path: Path) -> Iterator[Length]:
    decoder = msgspec.json.Decoder(Length)
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                yield decoder.decode(line)
            except msgspec.DecodeError as error:
                raise PipelineError(
                    f"this is no length ({error})",
                    where=f"{path}:{number}",
                    fix='Write {"id": ..., "tokens": ...}.',
                    code=ExitCode.DATA,
                ) from None
