"""What a text may hold that is not what it seems, and the proof that it holds nothing of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnitune.records import MARKERS
from omnitune.validation.text import is_harmless, odd_marker, steering, unusual_character

PIECES = st.sampled_from(
    [
        *("<", ">", "/", " ", "\n", "|", "a", "\0", "s", "\u00e9", "\u017f", "\u0130", "\u4f60", "\u200b"),
        *("image", "AUDIO", "Video", "<image>", "</audio>", "< video >", "<im", "age>", "<img>", "</img>"),
        *("<bbox>", "<ref-object>", "<cot-process>", "<start-image>", "<|im_start|>", "<|AUDIO|>", "<|x|>"),
        *("<tts_pad>", "<think>", "<b>", "\U0001f3f4", "\U000e0067", "\U000e007f", "\U0001f642", "\uf8ff"),
        *("<IMG>", "im_end", "\u200d", "\uff0c"),
    ]
)
UNUSUAL = {
    *(0x200B, *range(0x202A, 0x202F), *range(0x2060, 0x2065), 0xFEFF, *range(0xE000, 0xF900)),
    *(*range(0xE0001, 0xE0080), *range(0xF0000, 0x110000)),
}


@given(text=st.lists(PIECES, max_size=8).map("".join))
def test_a_harmless_text_has_nothing_of_what_is_looked_for(text: str):
    if is_harmless(text):
        assert (steering(text), odd_marker(text), unusual_character(text)) == ([], "", "")
        assert not [marker for marker in MARKERS.values() if marker in text]
        assert "\0" not in text


@pytest.mark.parametrize(
    "text", ["", "Why?", "a < b > c", "<b>x</b>", "List<String>", "<think>", "\u4f60\uff0c\n\u200d"]
)
def test_ordinary_texts_are_harmless(text: str):
    assert is_harmless(text)


def test_the_unusual_characters_are_these():
    assert {code for code in range(0x110000) if unusual_character(chr(code))} == UNUSUAL


def test_of_several_unusual_characters_the_first_is_told():
    assert unusual_character("\u4f60a\ufeff\u200b").startswith("U+FEFF")
    flag = "\U0001f3f4\U000e0067\U000e007f"
    assert unusual_character(f"{flag}\u200b").startswith("U+200B")
    assert unusual_character(f"{flag}\U000e0041").startswith("U+E0041")
