"""The charts' geometry, text and accessibility."""

import re
import xml.etree.ElementTree as ElementTree

import pytest

from omnitune.reporting import charts
from omnitune.reporting.charts import Bar, Group


def tree(svg):
    return ElementTree.fromstring(str(svg))


def test_bars_are_as_long_as_their_values():
    groups = [Group("digits", [Bar("base", 0.25, (0.2, 0.3)), Bar("merge", 0.5, (0.45, 0.55))])]
    svg = tree(charts.bars("c", "exact match", groups, ["base", "merge"], 1.0))
    first, second = svg.findall("rect")
    assert float(second.get("width")) == pytest.approx(2 * float(first.get("width")), abs=0.2)
    assert (first.get("class"), second.get("class")) == ("s0", "s1")
    whisker = svg.findall("path[@class='whisker']")[1].get("d")
    low, high = map(float, re.match(r"M([\d.]+) [\d.]+H([\d.]+)", whisker).groups())
    end = float(second.get("x")) + float(second.get("width"))
    assert low < end < high
    assert (low + high) / 2 == pytest.approx(end, abs=0.2)


def test_a_chart_has_a_name_and_tells_its_values():
    groups = [Group("digits", [Bar("base", 0.25, None), Bar("merge", None, None)])]
    svg = tree(charts.bars("c", "exact match", groups, ["base", "merge"]))
    assert svg.get("role") == "img"
    named = {child.get("id"): child.text for child in svg if child.tag in ("title", "desc")}
    assert svg.get("aria-labelledby").split() == list(named)
    assert list(named.values()) == ["exact match", "exact match. digits: base 0.250, merge –."]
    assert "no value" in [text.text for text in svg.findall("text")]


def test_text_is_escaped():
    groups = [Group("<script>x</script>", [Bar("a&b", 0.5, None)])]
    svg = charts.bars("c", "<b>", groups, ["a&b"])
    assert "<script>" not in svg
    assert "<b>" not in svg
    assert "<script>x</script>" in [text.text for text in tree(svg).findall("text")]


def test_long_names_are_cut_by_their_width():
    assert charts.shorten("a" * 26, 26) == "a" * 26
    assert charts.shorten("a" * 27, 26) == "a" * 25 + "…"
    assert charts.shorten("数" * 20, 26) == "数" * 12 + "…"


def test_a_curve_falls_when_the_loss_falls_and_keeps_both_series():
    train = [(step, 2.0 / step) for step in range(1, 1001)]
    svg = tree(charts.curve("c", "loss", train, [(500, 0.5), (1000, 0.4)]))
    training, evaluation = svg.findall("polyline")
    points = [tuple(map(float, point.split(","))) for point in training.get("points").split()]
    assert len(points) == charts.POINTS
    assert [x for x, _ in points] == sorted(x for x, _ in points)
    assert points[0][1] < points[-1][1]  # down is more in SVG
    assert len(evaluation.get("points").split()) == len(svg.findall("circle")) == 2
    assert svg.find("desc").text == (
        "loss. Training loss from 2 at step 1 to 0.002 at step 1000. "
        "Evaluation loss from 0.5 at step 500 to 0.4 at step 1000."
    )


@pytest.mark.parametrize("train", [[(5, 1.0)], [(1, 0.0), (2, 0.0)], [(1, -0.5), (2, -0.25)]])
def test_odd_curves_are_drawn_inside_their_box(train):
    svg = tree(charts.curve("c", "loss", train, []))
    height = float(svg.get("viewBox").split()[3])
    for point in svg.find("polyline").get("points").split():
        x, y = map(float, point.split(","))
        assert 0 <= x <= charts.WIDTH
        assert 0 <= y <= height


def test_thinning_keeps_the_mean():
    points = [(step, float(step % 7)) for step in range(10_000)]
    thinned = charts.thin(points)
    assert len(thinned) == charts.POINTS
    assert sum(v for _, v in thinned) / len(thinned) == pytest.approx(
        sum(v for _, v in points) / len(points), abs=0.05
    )


@pytest.mark.parametrize(
    ("value", "top"), [(0, 1.0), (0.323, 0.4), (1.0, 1.0), (1.01, 1.2), (96, 100), (0.0003, 0.00032)]
)
def test_the_axis_ends_at_a_round_number(value, top):
    assert charts.axis_top(value) == pytest.approx(top)


@pytest.mark.parametrize(("first", "last"), [(1, 600), (1, 1), (0, 7), (3, 19), (100, 100_000)])
def test_ticks_are_few_and_in_range(first, last):
    steps = charts.ticks(first, last)
    assert 1 <= len(steps) <= 8
    assert all(first <= step <= last for step in steps)
