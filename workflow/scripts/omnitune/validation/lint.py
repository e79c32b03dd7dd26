"""Files of rows judged by themselves: no run, no config, no folder of results.

The same readers, converters and gate as in a run; only what is written differs.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from omnitune import converters
from omnitune.config.validate import ValidateConfig
from omnitune.errors import PipelineError, printable
from omnitune.readers import reader_name
from omnitune.validation.codes import CODES
from omnitune.validation.policy import Policy, without_stops
from omnitune.validation.validate import Gate, Judged


class Remark(msgspec.Struct):
    """One thing that was found.

    Attributes:
        file: as it was named.
        line: 1-based; 0 when it is about the whole file.
        id: the row's own; empty when it has none.
        verdict: what became of the row or file: rejected, repaired or accepted (with a warning).
        code, name: the kind of finding; empty for a file that is not there or damaged in a way of its kind.
        message: what was found and what to do.
    """

    file: str
    line: int
    id: str
    verdict: str
    code: str
    name: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        kind = {"accepted": "warning"}.get(self.verdict, self.verdict)
        own = f" (id {self.id})" if self.id else ""
        return printable(f"{place}:{own} {kind} {self.code or 'file'}: {self.message}", line=True)


class Linter:
    """Judges files, one after the other.

    Args:
        settings: as in a run; what would stop it rejects the row here.
        use: what the rows may become, of sft, grpo and eval.
        roots: the folders that media may lie in; relative paths are looked for beside the file first.

    Attributes:
        counts: rows by verdict, and unreadable files under `files`.
    """

    def __init__(self, settings: ValidateConfig, use: Sequence[str], roots: Sequence[Path]) -> None:
        self._settings = settings.model_copy(update={"policy": without_stops(settings.policy)})
        self._policy, self._use, self._roots = Policy(self._settings.policy), use, roots
        self.counts = Counter[str]()

    def check(self, path: Path, shown: str = "") -> Iterator[Remark]:
        """What there is to say about one file, in the order of its rows; `shown` is its name for messages."""
        shown = shown or str(path)
        with TemporaryDirectory() as media:
            source = converters.open_source("rows", path, "default", {}, self._roots, Path(media))
            gate = Gate(shown, self._use, self._settings, carried=Path(media))
            rows = converters.convert_rows(source, reader_name("", path))
            try:
                while batch := list(islice(rows, gate.batch)):
                    found = [getattr(row, "found", {}) for row in batch]
                    for words, judged in zip(found, gate.judge(batch), strict=True):
                        self.counts[judged.ledger.verdict] += 1
                        if judged.ledger.codes:
                            yield from self._remarks(shown, judged, words)
            except PipelineError as error:
                self.counts["files"] += 1
                name = CODES[error.finding].name if error.finding else ""
                yield Remark(shown, 0, "", "rejected", error.finding, name, f"{error.what}. {error.fix}")

    def failed(self) -> bool:
        """Whether a row or a file was rejected."""
        return bool(self.counts["rejected"] or self.counts["files"])

    def summary(self) -> str:
        """The counts in a sentence."""
        rows = sum(count for name, count in self.counts.items() if name != "files")
        parts = [f"{self.counts[name]} {name}" for name in ("accepted", "repaired", "rejected")]
        unread = f"; files that could not be read: {self.counts['files']}" if self.counts["files"] else ""
        return f"{rows} rows: {', '.join(parts)}{unread}."

    def _remarks(self, shown: str, judged: Judged, words: dict[str, str]) -> Iterator[Remark]:
        row, verdict = judged.ledger, judged.ledger.verdict
        own = row.id.removeprefix(f"{row.source}/")
        head = (shown, row.line, "" if own == f"{row.line:08d}" else own)
        for code in row.codes if verdict == "repaired" else ():
            if self._policy.action(code) == "repair":
                name = CODES[code].name
                yield Remark(*head, verdict, code, name, f"{words.get(code) or name}. {CODES[code].fix}")
        for finding in judged.findings:
            kind = "accepted" if judged.record else "rejected"
            yield Remark(*head, kind, finding.code, CODES[finding.code].name, finding.sentence())
