"""Validated sources made by hand, and their split."""

from pathlib import Path

from media_files import read_jsonl

from omnitune.records import LedgerRow, Message, Record, encode
from omnitune.validation.assignment import ValidSource
from omnitune.validation.groups import Draw
from omnitune.validation.split import Rules, split_sources

RULES = Rules(Draw(val=0.1, test=0.3, seed=17), max_rejected=0.5, need_train=True, need_test=True)
SPLITS = ("train", "val", "test")


def record(source: str, line: int, *audios: str, id: str = "", **fields) -> Record:
    turns = [Message("user", f"<audio>{source}{line}?"), Message("assistant", "So.")]
    row_id = id or f"{source}/{line:08d}"
    return Record(row_id, source, line, f"task-{source}", turns, audios=list(audios), **fields)


class Workplace:
    """Writes validated sources and splits them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.output, self.sources = folder, folder / "split", list[ValidSource]()

    def add(self, name: str, use: list[str], *shards: list[Record | LedgerRow]) -> None:
        """A source of shards; a LedgerRow among the records is a rejected row."""
        source = ValidSource(name, use, [], [], path=f"data/{name}.jsonl")
        for number, rows in enumerate(shards):
            valid = self.folder / f"{name}{number}.jsonl"
            valid.write_bytes(b"".join(encode(row) for row in rows if isinstance(row, Record)))
            ledger = valid.with_suffix(".ledger.jsonl")
            ledger.write_bytes(b"".join(map(encode, map(verdict, rows))))
            source.valid.append(str(valid))
            source.ledger.append(str(ledger))
        self.sources.append(source)

    def split(self, rules: Rules = RULES, root: Path = Path("/r")) -> dict:
        return split_sources(self.sources, [root], rules, self.output)

    def rows(self, name: str) -> list[dict]:
        return read_jsonl(self.output / f"{name}.jsonl")

    def lines(self, name: str) -> list[int]:
        return [row["line"] for row in self.rows(name)]


def verdict(row: Record | LedgerRow) -> LedgerRow:
    if isinstance(row, LedgerRow):
        return row
    return LedgerRow(row.source, row.line, row.id, "repaired" if row.repairs else "accepted", row.repairs)


def rejected(source: str, line: int, code: str = "E041") -> LedgerRow:
    message = f"data/{source}.jsonl:{line}: 2 markers but 1 file. Add it."
    return LedgerRow(source, line, f"{source}/{line:08d}", "rejected", [code], message)


def many(source: str, count: int = 60) -> list[Record]:
    return [record(source, line, f"/r/{source}/{line}.wav") for line in range(1, count + 1)]
