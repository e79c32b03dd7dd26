"""What the page says in numbers, gathered in one pass over the ledger and the validated rows; memory is flat."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import xxhash

from omnitune.data_report.histogram import Histogram
from omnitune.data_report.samples import PER_CODE, PER_KIND, Draw
from omnitune.records import LedgerRow, Record, read_ledger, read_records

# The language of about so many answers is told, drawn by hash: enough for shares of a few per cent.
_LANGUAGE_ROWS = 2000


class SourceFiles(msgspec.Struct):
    """The files of one source, a pair or triple for each shard.

    Attributes:
        name: as in the config.
        converted, valid: files of the convert and validate stages, in order.
    """

    name: str
    converted: list[str]
    valid: list[str]


class Quantity(NamedTuple):
    """A histogram with its name and unit."""

    key: str
    title: str
    unit: str
    histogram: Histogram


class Summary:
    """Everything that is counted.

    Attributes:
        verdicts: source -> verdict -> rows.
        codes: (source, code) -> rows.
        quantities: what the good rows measure.
        languages: language of the answers -> rows, of a sample.
        draw: the rows to show.
    """

    def __init__(self) -> None:
        self.verdicts: dict[str, Counter[str]] = defaultdict(Counter)
        self.codes = Counter[tuple[str, str]]()
        self.languages = Counter[str]()
        self.draw = Draw()
        self.quantities = [
            Quantity("tokens", "Length of a row", "tokens", Histogram()),
            Quantity("answer", "Length of an answer", "tokens", Histogram()),
            Quantity("sound", "Duration of a sound", "s", Histogram(0.1)),
            Quantity("clip", "Duration of a clip", "s", Histogram(0.1)),
            Quantity("image", "Size of an image", "megapixels", Histogram(0.01)),
            Quantity("frame", "Size of a clip's frame", "megapixels", Histogram(0.01)),
        ]
        self._by_key = {quantity.key: quantity.histogram for quantity in self.quantities}

    def add(self, verdict: LedgerRow, record: Record | None) -> None:
        """Count a row of the ledger; `record` is its validated row when it is used."""
        self.verdicts[verdict.source][verdict.verdict] += 1
        for code in verdict.codes:
            self.codes[verdict.source, code] += 1
            self.draw.add(code, verdict, PER_CODE)
        if record is None:
            return
        if not verdict.codes:
            self.draw.add(record.modality(), verdict, PER_KIND)
        facts = record.facts
        if facts is None:
            return
        if facts.tokens:
            self._by_key["tokens"].add(facts.tokens)
            self._by_key["answer"].add(facts.answer_tokens)
        for medium in facts.media:
            if medium.modality == "audio":
                self._by_key["sound"].add(medium.seconds)
                continue
            self._by_key["image" if medium.modality == "image" else "frame"].add(
                medium.width * medium.height / 1e6
            )
            if medium.modality == "video":
                self._by_key["clip"].add(medium.seconds)


def summarize(ledger: Path, sources: Sequence[SourceFiles]) -> Summary:
    """The summary of a split."""
    summary = Summary()
    rows = {source.name: _Rows(source) for source in sources}
    used = Counter(verdict.verdict for verdict in read_ledger(ledger))
    stride = max(1, (used["accepted"] + used["repaired"]) // _LANGUAGE_ROWS)
    for verdict in read_ledger(ledger):
        record = rows[verdict.source].take(verdict)
        summary.add(verdict, record)
        if record is not None and _is_drawn(verdict.id, stride) and (answer := record.answer()):
            summary.languages[language_of(answer)] += 1
    return summary


def language_of(text: str) -> str:
    """The ISO 639-1 code of a text, or `none` where it has fewer than three letters (numbers, symbols)."""
    if sum(character.isalpha() for character in text[:200]) < 3:
        return "none"
    import py3langid  # its model takes a second to load

    return str(py3langid.classify(text[:2000])[0])


class _Rows:
    """The validated rows of a source, taken in step with its verdicts in the ledger."""

    def __init__(self, source: SourceFiles) -> None:
        self._records = (record for path in source.valid for record in read_records(Path(path)))
        self._next = next(self._records, None)

    def take(self, verdict: LedgerRow) -> Record | None:
        """The row of a verdict; None when it is not used: the split, too, leaves out rows."""
        record = self._next
        if record is None or (record.line, record.id) != (verdict.line, verdict.id):
            return None
        self._next = next(self._records, None)
        return record if verdict.verdict in ("accepted", "repaired") else None


def _is_drawn(row_id: str, stride: int) -> bool:
    return xxhash.xxh3_64_intdigest(row_id.encode()) % stride == 0
