"""The page: numbers, examples and the media budget in, HTML out. Nothing in it depends on time, host or place."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
from markupsafe import Markup

from omnitune.data_report.collect import Quantity, Summary
from omnitune.data_report.samples import Sample
from omnitune.records import Message
from omnitune.reporting import charts, words
from omnitune.tokens.budget import Setting
from omnitune.validation.codes import CODES

_TEXT = 400
_MEDIA = 6
_LANGUAGES = 8
VERDICTS = ("accepted", "repaired", "rejected", "duplicate")


class Shown(NamedTuple):
    """A sample as the template shows it.

    Attributes:
        title: what the row is called.
        message: what the ledger says.
        turns: (role, text) of its conversation, shortened.
        media: (modality, name of the file, data: URI or empty).
    """

    title: str
    message: str
    turns: list[tuple[str, str]]
    media: list[tuple[str, str, str]]


def render(
    run: str,
    summary: Summary,
    samples: Sequence[Sample],
    budget: Sequence[Setting],
    previews: Mapping[tuple[str, str], str],
    leakage: dict[str, Any] | None = None,
) -> str:
    """The whole page.

    Args:
        previews: (modality, path) -> data: URI, or empty.
        leakage: what the split's manifest says of media and questions on more than one side.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([Path(__file__).parent, Path(words.__file__).parent]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(number=words.number, count=words.count)
    groups: dict[str, list[Shown]] = {}
    for sample in samples:
        groups.setdefault(sample.group, []).append(_shown(sample, previews))
    return environment.get_template("data.html.j2").render(
        run=run,
        verdicts=VERDICTS,
        sources=sorted(summary.verdicts.items()),
        codes=[
            (source, code, CODES[code].name, rows)
            for (source, code), rows in sorted(summary.codes.items(), key=lambda item: (item[0][0], -item[1]))
        ],
        quantities=[_quantity(quantity) for quantity in summary.quantities if quantity.histogram.total()],
        languages=_languages(summary),
        budget=budget,
        leakage=leakage or {},
        accepted={group: rows for group, rows in groups.items() if group not in CODES},
        found={group: rows for group, rows in groups.items() if group in CODES},
        names={code: kind.name for code, kind in CODES.items()},
    )


def _quantity(quantity: Quantity) -> dict[str, Any]:
    """A histogram as a chart, with the values that tell most."""
    histogram = quantity.histogram
    groups = [
        charts.Group(f"{_plain(part.low)} – {_plain(part.high)}", [charts.Bar("rows", part.rows, None)])
        for part in histogram.bins()
    ]
    title = f"{quantity.title}, {quantity.unit}"
    told = [("median", 0.5), ("95 %", 0.95), ("99 %", 0.99), ("longest", 1.0)]
    return {
        "title": title,
        "total": histogram.total(),
        "told": [(name, _plain(histogram.quantile(share))) for name, share in told],
        "chart": charts.bars(f"h-{quantity.key}", title, groups, ["rows"], decimals=0),
    }


def _languages(summary: Summary) -> Markup | None:
    total = summary.languages.total()
    if not total:
        return None
    groups = [
        charts.Group(code, [charts.Bar("share", rows / total, None)])
        for code, rows in summary.languages.most_common(_LANGUAGES)
    ]
    title = f"Languages of the answers, share of {total} drawn by hash"
    return charts.bars("h-languages", title, groups, ["share"])


def _shown(sample: Sample, previews: Mapping[tuple[str, str], str]) -> Shown:
    verdict, row = sample.verdict, sample.row
    title = f"{verdict.source}, line {verdict.line}"
    if row is None:
        return Shown(title, verdict.message, [], [])
    media = [
        (modality, Path(path).name, previews.get((modality, path), "")) for modality, path in shown_media(sample)
    ]
    return Shown(title, verdict.message, [_turn(message) for message in row.messages[:6]], media)


def shown_media(sample: Sample) -> list[tuple[str, str]]:
    """(modality, path) of the media that are shown of a sample."""
    return list(sample.row.media())[:_MEDIA] if sample.row else []


def _turn(message: Message) -> tuple[str, str]:
    text = message.content
    return message.role, text if len(text) <= _TEXT else f"{text[: _TEXT - 1]}…"


def _plain(value: float) -> str:
    return f"{value:,.2f}".rstrip("0").rstrip(".").replace(",", "\u202f")
