"""Files that look odd and are good: none of their rows may be rejected."""

import json
from collections.abc import Iterator

from bad_rows import nested, parts, text, turns
from media_files import chat

GOOD = json.dumps(chat()).encode()


def _jsonl(*rows: object) -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


def _files() -> Iterator[tuple[str, bytes]]:
    yield "mark", b"\xef\xbb\xbf" + GOOD + b"\n"
    yield "crlf", GOOD + b"\r\n" + GOOD + b"\r\n"
    yield "cr", GOOD + b"\r" + GOOD + b"\r"
    yield "utf-16", GOOD.decode().encode("utf-16")
    yield "no-last-line-end", GOOD
    yield "blank-lines", b"\n\n" + GOOD + b"\n\n"
    yield "blanks-around", b"  " + GOOD + b" \t\n"
    yield "one-record", GOOD + b"\n"
    yield "line-of-7-MB", _jsonl(chat("x" * (7 * 2**20)))
    yield "depth-32", GOOD[:-1] + b',"x":' + nested(31) + b"}\n"
    yield (
        "keys-in-any-order",
        b'{"messages":[{"content":"Why?","role":"user"},{"content":"x","role":"assistant"}]}',
    )
    yield (
        "spaced-colons",
        b'{"messages" : [ {"role" : "user", "content" : "Why?"}, {"role":"assistant","content":"x"} ]}',
    )
    yield "escaped-pair", GOOD.replace(b"Why", b"\\ud83d\\ude00")
    yield "long-number-beside", GOOD[:-1] + b',"n":123456789012345678901234567890}'
    yield "escaped-backslash-u0000", GOOD.replace(b"Why", b"\\\\u0000")
    yield "quoted-colons", GOOD.replace(b"Why", b'say \\"a\\": b')
    yield "many-short-rows", GOOD.replace(b"Why?", b"x") * 1 + b"\n" + (GOOD + b"\n") * 3000


def _rows() -> Iterator[tuple[str, bytes]]:
    rows = {
        "line-separators": chat("a\u2028b\u2029c\u0085d"),
        "braces-in-a-question": chat("{{QUERY}} {{SYSTEM}} {{RESPONSE}} {{ x }}"),
        "placeholder-in-an-answer": chat("Why?", "{{ROUND0}} {{QUERY}}"),
        "emoji": chat("\U0001f600 \U0001f468\u200d\U0001f469\u200d\U0001f467"),
        "right-to-left": chat("\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627"),
        "combining": chat("e\u0301 \u0928\u0940"),
        "chinese": chat("\u4e3a\u4ec0\u4e48\uff1f", "\u56e0\u4e3a\u3002"),
        "id-like-a-number": chat(id="0017"),
        "id-with-slash": chat(id="a/b c"),
        "whole-number-id": chat(id=17),
        "system": turns(("system", "Be brief."), ("user", "Why?"), ("assistant", "So.")),
        "empty-system": turns(("system", ""), ("user", "Why?"), ("assistant", "So.")),
        "twenty-turns": turns(*[("user", "Why?"), ("assistant", "So.")] * 10),
        "answer-of-one-character": chat("Why?", "x"),
        "comparison": chat("if a < b and b > c: <div class='image'></div>", "1 < 2"),
        "code": chat("```html\n<img src='x.png'><video controls></video>\n```"),
        "thinking": chat("Why?", "<think>x</think><answer>y</answer>"),
        "tool-call": turns(
            ("user", "a"), ("assistant", "<tool_call>x</tool_call>"), ("tool", "y"), ("assistant", "z")
        ),
        "word-in-parts": parts(text("What does <audio> mean?")),
        "parts": parts({"type": "image", "image": "i.png"}, text("Why?")),
        "openai": parts({"type": "image_url", "image_url": {"url": "i.png", "detail": "low"}}, text("Why?")),
        "sharegpt": {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]},
        "question": {"question": "Why?", "answer": "So."},
        "own-columns": chat(level=3, tags=["a"], source="x", prompt="y", response="z"),
        "null-columns": chat(images=None, audios=[], system=None),
        "all-kinds": chat("<image><audio><video>", images=["i.png"], audios=["a.wav"], videos=["v.mp4"]),
        "several": chat("<image> or <image>?", images=["i.png", "j.png"]),
        "same-file-twice": chat("<image><image>", images=["i.png", "i.png"]),
        "media-in-later-turn": turns(
            ("user", "a"), ("assistant", "b"), ("user", "<audio>"), ("assistant", "c"), audios=["a.wav"]
        ),
        "spaces": chat("<audio>", audios=["with space.wav"]),
        "quotes": chat("<audio>", audios=['it\'s "q".wav']),
        "shell": chat("<audio>", audios=["$(x);y.wav"]),
        "dash": chat("<audio>", audios=["-rf.wav"]),
        "umlaut": chat("<audio>", audios=["\u00fc.wav"]),
        "marker-name": chat("<audio>", audios=["<audio>.wav"]),
        "255-bytes": chat("<audio>", audios=["x" * 251 + ".wav"]),
        "like-a-url": chat("<audio>", audios=["httpfoo.wav"]),
        "upper-extension": chat("<audio>", audios=["B.WAV"]),
        "link-inside": chat("<audio>", audios=["link.wav"]),
        "hard-link": chat("<audio>", audios=["hard.wav"]),
        "control-words": chat("What is an im_end token? |im_end| <im_end>"),
        "tags-of-thought": chat("Why?", "<think>\nmarkers: < image >\n</think>\n\nSo."),
        "blank-lines-in-text": chat("\n\nWhy?\n\n", "\n\nSo.\n"),
        "answer-and-solution": chat("Why?", "So.", solution="so"),
        "no-tools-as-text": chat(tools="[]", objects="{}"),
        "boxes-of-other-rows": chat(objects={"ref": [], "bbox": None}, chat_template_kwargs={"fps": None}),
        "label-of-a-class": chat(label=0),
        "label-of-a-good-answer": chat(label=True),
        "own-column-like-ours": chat("<audio>", audios=["a.wav"], audio_path="a.wav"),
        "braces": {"text": "{modality_tag} {text}", "image": "i.png"},
        "up-and-down": chat("<audio>", audios=["folder/../a.wav"]),
    }
    for name, row in rows.items():
        yield name, _jsonl(row)


FILES = dict([*_files(), *_rows()])
