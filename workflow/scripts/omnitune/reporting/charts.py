"""Charts as inline SVG: colours from the page's variables, a title and a description for readers who listen.

Every text goes through Markup.format, which escapes it.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from omnitune.reporting.words import number
from omnitune.scoring.summary import width

WIDTH = 720
BAR = 14
ROW_GAP = 18
POINTS = 240
LABEL_COLUMNS = 26


class Bar(NamedTuple):
    """One bar: its series, its value and the interval its whisker shows."""

    series: str
    value: float | None
    interval: tuple[float, float] | None


class Group(NamedTuple):
    """The bars of one task."""

    label: str
    bars: list[Bar]


def bars(
    identity: str,
    title: str,
    groups: Sequence[Group],
    series: Sequence[str],
    top: float | None = None,
    decimals: int = 3,
) -> Markup:
    """Horizontal bars in groups, one colour a series, whiskers for the 95 % interval.

    Args:
        identity: unique on the page.
        title: what is measured.
        groups: a group for each task.
        series: names of the series in the order of their colours.
        top: end of the axis; the largest value, rounded up, when None.
        decimals: of the values beside the bars; 0 for counts.
    """
    values = [v for group in groups for bar in group.bars for v in (bar.value, *(bar.interval or ()))]
    top = top or axis_top(max([value for value in values if value is not None] + [0.0]))
    labels = [shorten(group.label, LABEL_COLUMNS) for group in groups]
    left, right, head = 24 + 7 * max(10, *map(width, labels)), 64, 18
    span = WIDTH - left - right
    parts: list[Markup] = []
    y = float(head)
    for group, label in zip(groups, labels, strict=True):
        height = BAR * len(group.bars)
        parts.append(text(left - 10, y + height / 2 + 4, label, "label end"))
        for bar in group.bars:
            parts.append(_bar(bar, series.index(bar.series), left, y, span / top, decimals))
            y += BAR
        y += ROW_GAP
    bottom = y - ROW_GAP + 8
    grid = [_grid(left + span * i / 4, head - 8, bottom, top * i / 4) for i in range(5)]
    said = "; ".join(
        f"{g.label}: " + ", ".join(f"{b.series} {number(b.value, decimals)}" for b in g.bars) for g in groups
    )
    return figure(identity, title, f"{title}. {said}.", bottom + 26, [*grid, *parts])


def _bar(bar: Bar, color: int, left: float, y: float, scale: float, decimals: int) -> Markup:
    if bar.value is None:
        return text(left + 6, y + 11, "no value", "value")
    length = max(bar.value * scale, 1.0)
    out = Markup('<rect class="s{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{}" rx="2"/>').format(
        color, left, y + 1, length, BAR - 3
    )
    end = left + length
    if bar.interval:
        low, high = (left + v * scale for v in bar.interval)
        middle = y + BAR / 2 - 0.5
        path = f"M{low:.1f} {middle:.1f}H{high:.1f}M{low:.1f} {middle - 3:.1f}v6M{high:.1f} {middle - 3:.1f}v6"
        out += Markup('<path class="whisker" d="{}"/>').format(path)
        end = max(end, high)
    return out + text(end + 7, y + 11, number(bar.value, decimals), "value")


def curve(
    identity: str,
    title: str,
    train: Sequence[tuple[int, float]],
    evaluation: Sequence[tuple[int, float]],
    what: str = "loss",
) -> Markup:
    """Loss or reward by step: training as a line, evaluation as a line with dots; the axis holds zero."""
    left, right, head, height = 58, 22, 16, 240
    points = [*train, *evaluation]
    most, least = max(value for _, value in points), min(value for _, value in points)
    bottom = -axis_top(-least) if least < 0 else 0.0
    top = axis_top(most) if most > 0 or not bottom else 0.0
    first, last = min(step for step, _ in points), max(step for step, _ in points)
    span = max(last - first, 1)

    def x(step: float) -> float:
        return left + (WIDTH - left - right) * (step - first) / span

    def y(value: float) -> float:
        return head + height * (top - value) / (top - bottom)

    parts = []
    for i in range(5):
        level = bottom + (top - bottom) * i / 4
        parts.append(Markup('<path class="grid" d="M{} {:.1f}H{}"/>').format(left, y(level), WIDTH - right))
        parts.append(text(left - 8, y(level) + 4, f"{level:.3g}", "tick end"))
    for step in ticks(first, last):
        parts.append(text(x(step), head + height + 20, f"{step}", "tick middle"))
    parts.append(text((left + WIDTH - right) / 2, head + height + 40, "step", "tick middle"))
    if train:
        parts.append(_line([(x(s), y(v)) for s, v in thin(train)], "line s-base"))
    if evaluation:
        places = [(x(s), y(v)) for s, v in thin(evaluation)]
        parts.append(_line(places, "line s-tuned"))
        parts += [
            Markup('<circle class="dot" cx="{:.1f}" cy="{:.1f}" r="3.5"/>').format(*place) for place in places
        ]
    said = [f"{title}."]
    for name, series in (("Training", train), ("Evaluation", evaluation)):
        if series:
            ends = [f"{value:.4g} at step {step}" for step, value in (series[0], series[-1])]
            said.append(f"{name} {what} from {ends[0]} to {ends[1]}.")
    return figure(identity, title, " ".join(said), head + height + 50, parts)


def _line(places: Sequence[tuple[float, float]], kind: str) -> Markup:
    return Markup('<polyline class="{}" points="{}"/>').format(
        kind, " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    )


def _grid(x: float, top: float, bottom: float, value: float) -> Markup:
    line = Markup('<path class="grid" d="M{:.1f} {:.1f}V{:.1f}"/>').format(x, top, bottom)
    return line + text(x, bottom + 17, f"{value:.4g}", "tick middle")


def text(x: float, y: float, content: str, kind: str) -> Markup:
    """A text at a place."""
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}">{}</text>').format(kind, x, y, content)


def figure(identity: str, title: str, description: str, height: float, parts: Sequence[Markup]) -> Markup:
    """The svg element, named and described for screen readers."""
    return Markup(
        '<svg class="chart" role="img" viewBox="0 0 {} {:.0f}" aria-labelledby="{}-t {}-d">'
        '<title id="{}-t">{}</title><desc id="{}-d">{}</desc>{}</svg>'
    ).format(WIDTH, height, identity, identity, identity, title, identity, description, Markup("").join(parts))


def thin(points: Sequence[tuple[int, float]], most: int = POINTS) -> list[tuple[float, float]]:
    """At most `most` points, the means of equal runs: a long curve keeps its shape and a page its size."""
    if len(points) <= most:
        return [(float(step), value) for step, value in points]
    out = []
    for i in range(most):
        part = points[i * len(points) // most : (i + 1) * len(points) // most]
        out.append((sum(s for s, _ in part) / len(part), sum(v for _, v in part) / len(part)))
    return out


def axis_top(value: float) -> float:
    """A round number at or above `value` that divides well by four."""
    if value <= 0:
        return 1.0
    unit = 10 ** math.floor(math.log10(value))
    return next(
        step * unit for step in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10) if step * unit >= value * (1 - 1e-9)
    )


def ticks(first: int, last: int) -> list[int]:
    """Round steps from first to last, at most seven."""
    gap = max(1, round(axis_top(max(last - first, 1) / 6)))
    return list(range(-(-first // gap) * gap, last + 1, gap))


def shorten(label: str, most: int) -> str:
    """The label, cut to `most` columns; the table beside the chart has it in full."""
    if width(label) <= most:
        return label
    while width(label) > most - 1:
        label = label[:-1]
    return label + "…"
