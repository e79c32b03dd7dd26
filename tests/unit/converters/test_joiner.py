"""A marker that is meant as a word stays one in ms-swift itself, and only because of the joiner inside."""

import pytest

from omnitune.converters.parts import content_of_parts
from omnitune.records import MARKERS


@pytest.mark.swift
@pytest.mark.parametrize("marker", MARKERS.values())
def test_ms_swift_takes_a_joined_marker_for_text(marker: str):
    from swift.template.base import Template

    # No medium is named, so nothing of the source is asked for.
    text = content_of_parts([{"type": "text", "text": f"What is {marker}?"}], 1, None, {}, {})  # type: ignore[arg-type]
    contexts, _ = Template._split_special_tokens([text], [1.0])
    assert contexts == [text]
    assert text.replace("\u200d", "") == f"What is {marker}?"
    plain, _ = Template._split_special_tokens([f"What is {marker}?"], [1.0])
    assert plain == ["What is ", marker, "?"]
