"""What a text may hold that is not what it seems: tokens, tags, misspelt markers, characters nobody sees."""

import re
import unicodedata

from omnitune.records import MARKERS

_misspelt_marker = re.compile(r"<\s*(?:/\s*)?(?i:image|audio|video)[sS]?\s*(?:/\s*)?>")
_reserved = re.compile(r"<(?:bbox|ref-object|cot-process|start-image)>")
# The special tokens of Qwen's tokenizers that steer turns, media and speech. <think> and <tool_call> are left
# out: they belong to answers.
_control = re.compile(
    r"<\|(?:im_start|im_end|endoftext|object_ref_start|object_ref_end|box_start|box_end|quad_start|quad_end"
    r"|vision_start|vision_end|vision_pad|image_pad|video_pad|audio_start|audio_end|audio_pad"
    r"|audio_bos|audio_eos|AUDIO|IMAGE|VIDEO|vision_bos|vision_eos"
    r"|fim_prefix|fim_middle|fim_suffix|fim_pad|repo_name|file_sep)\|>"
    r"|<tts_(?:pad|text_bos|text_eod|text_bos_single)>"
)
# All but overrides of the writing direction, spaces without width, tags that spell hidden text, and private use.
# The joiners U+200C and U+200D are needed by Persian, Indic scripts and emoji, and isolates do no harm. A class of
# what is looked for would be searched three times slower.
_usual = re.compile(
    "[\0-\u200a\u200c-\u2029\u202f-\u205f\u2065-\udfff\uf900-\ufefe\uff00-\U000e0000\U000e0080-\U000effff]*"
)
# The flags of England, Scotland and Wales are spelt with such tags after a black flag.
_flag = re.compile("\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f")
# What ms-swift's Template._concat_context_list replaces in the finished turn: a tool's is a template of its own.
_placeholders = {
    "user": re.compile(r"\{\{ROUND[01]\}\}"),
    "tool": re.compile(r"\{\{(?:SYSTEM|QUERY|ROUND[01])\}\}"),
}
# How everything begins that `steering` or `odd_marker` finds, and every marker.
_tag = re.compile(r"<(?:\||tts_|bbox|ref-object|cot-process|start-image|img|\s*(?:/\s*)?(?i:image|audio|video))")


def placeholder(role: str, text: str) -> str:
    """The first placeholder that ms-swift fills in in a turn of this role; empty for none."""
    found = _placeholders[role].search(text) if "{{" in text and role in _placeholders else None
    return found[0] if found else ""


def is_harmless(text: str) -> bool:
    """Whether a text has no marker, and nothing that the functions of this module find.

    True is a proof, False a doubt.
    """
    return (
        not ("<" in text and _tag.search(text))
        and "{{" not in text
        and "\0" not in text
        and (text.isascii() or not unusual_character(text))
    )


def steering(text: str) -> list[tuple[str, str]]:
    """(code, what) of everything with a "<" that the tokenizer or ms-swift takes for something else than text."""
    found = []
    if match := _control.search(text):
        found.append(("E047", f"the control token {match[0]}"))
    if match := _reserved.search(text):
        found.append(("E048", f"the reserved tag {match[0]}"))
    # No pattern: one with ".*" would begin anew at every tag that is not closed.
    if (start := text.find("<img>")) >= 0 and (end := text.find("</img>", start)) >= 0:
        found.append(("E049", f"the path tag {text[start : end + 6][:60]}"))
    return found


def odd_marker(text: str) -> str:
    """What looks like a marker and is none; empty when there is nothing like it."""
    for found in _misspelt_marker.finditer(text):
        if found[0] not in MARKERS.values():
            return found[0]
    return ""


def unusual_character(text: str) -> str:
    """The first character that a reader cannot see or that reorders the text, by its name; empty for none."""
    found = "" if text.isascii() else _after_usual(text)
    if found >= "\U000e0001":
        found = _after_usual(_flag.sub("", text))
    return f"U+{ord(found):04X} {unicodedata.name(found, 'without a name')}" if found else ""


def _after_usual(text: str) -> str:
    usual = _usual.match(text)
    return text[usual.end() : usual.end() + 1] if usual else ""
