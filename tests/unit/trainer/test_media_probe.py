"""Which rows lend their media to the probe; the probe itself runs in tests/e2e/test_rollouts.py."""

from dataclasses import dataclass, field
from typing import Any

from omnitune.trainer.media_probe import _swapped, signature


@dataclass
class Sample:
    """As much of ms-swift's sample as the probe looks at."""

    text: str
    images: list[Any] = field(default_factory=list)
    audios: list[Any] = field(default_factory=list)
    videos: list[Any] = field(default_factory=list)

    @property
    def messages(self) -> list[dict[str, str]]:
        return [{"role": "user", "content": self.text}, {"role": "assistant", "content": "a"}]


ROWS = [
    {"images": [{"path": "0.png"}], "audios": None},
    {"images": None, "audios": ["0.wav"]},
    {"images": [{"path": "1.png"}]},
    {"images": [{"path": "0.png"}, {"path": "1.png"}]},
    {"images": [{"path": "2.png"}]},
]


def picture(number: int, text: str = "Which?") -> Sample:
    return Sample(text, images=[{"path": f"{number}.png"}])


def test_a_stranger_has_as_many_media_of_each_kind_and_other_ones():
    samples = [picture(0), picture(1), Sample("Hm?"), Sample("What?", audios=["0.wav"]), picture(5)]
    pairs = list(_swapped(samples, ROWS, 8))
    # The next prompt's; of the only sound there is no other, and text has none to swap.
    assert [(own.images[0]["path"], other.images[0]["path"]) for own, other in pairs] == [
        ("0.png", "1.png"), ("1.png", "5.png"), ("5.png", "0.png"),
    ]  # fmt: skip
    assert all(signature(own) == signature(other) == (1, 0, 0) for own, other in pairs)
    assert samples[0].images == [{"path": "0.png"}], "the samples themselves are left alone"


def test_a_rollout_of_one_prompt_borrows_from_the_data():
    ((own, other),) = _swapped([picture(0)], ROWS, 8)
    assert (own.images, other.images) == ([{"path": "0.png"}], [{"path": "1.png"}])


def test_prompts_come_before_more_completions_of_one():
    samples = [picture(0), picture(0), picture(0), picture(1), picture(1)]
    assert [own.images[0]["path"] for own, _ in _swapped(samples, ROWS, 4)] == ["0.png", "1.png", "0.png", "1.png"]
    assert len(list(_swapped(samples, ROWS, 64))) == 5


def test_rows_that_ask_the_same_about_other_media_are_other_prompts():
    pairs = list(_swapped([picture(0), picture(0), picture(2)], ROWS, 2))
    assert [own.images[0]["path"] for own, _ in pairs] == ["0.png", "2.png"]
