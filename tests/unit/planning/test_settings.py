"""Changed params as lines; what was before is named only where it is certain."""

import json

import pytest

from omnitune.planning import differences


def settings(**values: object) -> str:
    """A section as a rule passes it on: JSON, as Python source."""
    return repr(json.dumps(values))


@pytest.mark.parametrize(
    ("now", "before", "lines"),
    [
        (
            {"settings": settings(epochs=3, lora={"rank": 8, "alpha": 32})},
            [settings(epochs=2, lora={"rank": 16, "alpha": 32})],
            ["sft.epochs: 2 -> 3", "sft.lora.rank: 16 -> 8"],
        ),
        ({"seed": "18"}, ["17"], ["seed: 17 -> 18"]),
        ({"device": "'cuda'"}, ["'cpu'"], ["device: cpu -> cuda"]),
        ({"roots": "['--root', 'b']"}, ["['--root', 'a']"], ["roots: --root a -> --root b"]),
        ({"revision": "['--revision', 'v2']"}, [], ["revision: --revision v2 (before: not set)"]),
        # Two numbers: which was which is not known.
        ({"seed": "18", "val": "0.1"}, ["0.2", "17"], ["seed: 18, val: 0.1 (before: 0.2, 17)"]),
        (
            {"settings": settings(a=1, b=1), "media": settings(frames=4)},
            [settings(a=2, b=1), settings(frames=12)],
            ["sft.a: 2 -> 1", "media.frames: 12 -> 4"],
        ),
        (
            {"tasks": settings(sums=["exact_match"], asr=["wer"])},
            [settings(sums=["exact_match"], math=["wer"])],
            ["tasks.math: gone", "tasks.asr: new, wer"],
        ),
        (
            {"sources": repr(json.dumps([{"name": "a", "use": ["sft"]}, {"name": "b", "use": ["sft"]}]))},
            [repr(json.dumps([{"name": "a", "use": ["eval"]}]))],
            ["sources.a.use: eval -> sft", "sources.b: new"],
        ),
        ({"version": "2"}, ["1"], ["omnitune does this stage otherwise than it did"]),
        (
            {"version": "2", "content": "'ab12'", "format": "'qa'"},
            ["1", "'cd34'", "'messages'"],
            ["omnitune does this stage otherwise than it did", "the source's file holds something else",
             "format: messages -> qa"],
        ),
        ({}, ["'x'"], ["a setting is gone: x"]),
    ],
)  # fmt: skip
def test_lines(now: dict[str, str], before: list[str], lines: list[str]) -> None:
    assert differences("sft", now, before) == lines


def test_a_long_value_is_cut() -> None:
    [line] = differences("model", {"source": repr("x" * 200)}, [repr("y")])
    assert line.endswith("...")
    assert len(line) < 100
