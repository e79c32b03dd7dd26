"""The catalogue of bad rows: every case by its number, made here, with the code and verdict that it must get.

Verdicts: R the row is rejected, P it is put right, W it is accepted with a warning, F the file is refused or stops
the run.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from media_files import chat

GOOD = chat("Is all well?", "It is.")


class Case(NamedTuple):
    """One bad file or row.

    Attributes:
        name: number in the catalogue and a word.
        row: the bad row, as an object or the bytes of its line; the whole file when `whole` is true.
        code: the code that it must get.
        verdict: R, P, W or F.
        use: what the rows may become.
        whole: whether `row` is the whole file; else it stands between two good rows.
        suffix: of the file.
    """

    name: str
    row: Any
    code: str
    verdict: str = "R"
    use: tuple[str, ...] = ("sft",)
    whole: bool = False
    suffix: str = ".jsonl"

    def content(self) -> bytes:
        """The file's bytes."""
        if self.whole:
            return self.row
        good = json.dumps(GOOD).encode()
        row = self.row if isinstance(self.row, bytes) else json.dumps(self.row, ensure_ascii=False).encode()
        return b"\n".join([good, row, good]) + b"\n"


def turns(*pairs: tuple[Any, Any], **columns: Any) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": content} for role, content in pairs], **columns}


def parts(*content: Any, **columns: Any) -> dict[str, Any]:
    return turns(("user", list(content)), ("assistant", "So."), **columns)


def text(content: str) -> dict[str, str]:
    return {"type": "text", "text": content}


def nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


def _files() -> Iterator[Case]:
    """Section A, cases of the whole file."""
    rows = [json.dumps(chat(answer)).encode() for answer in ("One?", "Tw\u00f6?", "Three?")]
    text_of = b"\n".join(rows).decode() + "\n"

    def whole(name: str, content: bytes, code: str, verdict: str = "F", suffix: str = ".jsonl") -> Case:
        return Case(name, content, code, verdict, whole=True, suffix=suffix)

    yield whole("003-utf8-mark", text_of.encode("utf-8-sig"), "E003", "P")
    yield Case("003-mark-of-a-joined-file", b"\xef\xbb\xbf" + rows[0], "E003", "P")
    yield whole("003-mark-json", b"\xef\xbb\xbf[" + b",".join(rows) + b"]", "E003", "P", ".json")
    yield whole("003-mark-csv", b"\xef\xbb\xbfquestion,answer\nWhy?,So.\n", "E003", "P", ".csv")
    yield whole("004-crlf", text_of.replace("\n", "\r\n").encode(), "E004", "P")
    yield whole("005-cr", text_of.replace("\n", "\r").encode(), "E005", "P")
    for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32"):
        yield whole(f"006-{encoding}", text_of.encode(encoding), "E006", "P")
    yield whole(
        "006-utf-16-json", ("[" + ",".join(text_of.splitlines()) + "]").encode("utf-16"), "E006", "P", ".json"
    )
    yield whole("006-utf-16-tsv", "question\tanswer\nWhy?\tSo.\n".encode("utf-16"), "E006", "P", ".tsv")
    yield whole("012-blank-lines", b"\n\n".join(rows) + b"\n", "E012", "P")
    yield whole("012-blanks", b"\n \t\n".join(rows) + b"\n", "E012", "P")
    yield whole("021-array", b"[" + b",\n".join(rows) + b"]", "E021")
    yield whole("021-array-one-line", b"[" + b",".join(rows) + b"]\n", "E021")
    for name, content in (("nothing", b""), ("blanks", b" \n\n"), ("mark", b"\xef\xbb\xbf"), ("cr", b"\r\r")):
        yield whole(f"022-{name}", content, "E022")
    yield whole("008-nul-alone", bytes(100), "E008")
    yield whole("008-nul-for-long", bytes(100_000) + rows[0], "E008")
    yield whole("022-vertical-tabs", b"\n \v\n\f\n", "E022")
    yield whole("022-half-a-unit-of-utf-16", b"\xff\xfe\xb8", "E022")
    yield whole("022-blanks-and-a-mark", b"\n \v\n\f\n\xef\xbb\xbf", "E022")
    yield whole("022-empty-json", b"", "E022", "F", ".json")
    yield whole("022-empty-csv", b"", "E022", "F", ".csv")
    yield whole("022-array-of-nothing", b"[]", "E022", "F", ".json")
    yield whole("022-header-alone", b"question,answer\n", "E022", "F", ".csv")
    yield whole("025-gzip", b"\x1f\x8b\x08\0\0\0\0\0", "E025")
    yield whole("025-zip", b"PK\x03\x04\x14\0\0\0", "E025")
    yield whole("025-zip-csv", b"PK\x03\x04\x14\0\0\0", "E025", "F", ".csv")
    ids = [{**chat("One?"), "id": 1}, {**chat("Two?"), "id": "b"}]
    yield whole("017-ids-of-two-types", b"\n".join(json.dumps(row).encode() for row in ids), "E017", "P")
    forms = [chat("One?"), parts(text("Two?"))]
    yield whole("059-two-forms", b"\n".join(json.dumps(row).encode() for row in forms), "E059", "P")
    share = {"conversations": [{"from": "human", "value": "Two?"}, {"from": "gpt", "value": "So."}]}
    yield whole("059-sharegpt", b"\n".join(json.dumps(row).encode() for row in (chat("One?"), share)), "E059", "P")
    qa = {"question": "Two?", "answer": "So."}
    yield whole("059-qa", b"\n".join(json.dumps(row).encode() for row in (chat("One?"), qa)), "E059", "P")
    twice = [{**chat("One?"), "id": "a"}, {**chat("Two?"), "id": "a"}]
    yield whole("055-repeated", b"\n".join(json.dumps(row).encode() for row in twice), "E211", "R")
    number = [{**chat("One?"), "id": "7"}, {**chat("Two?"), "id": 7}]
    yield whole("055-repeated-as-number", b"\n".join(json.dumps(row).encode() for row in number), "E211", "R")
    for cut in (1, 20, 40, 60):
        yield Case(f"002-cut-after-{cut}", rows[0] + b"\n" + rows[1][:cut], "E002", whole=True)


def _lines() -> Iterator[Case]:
    """Section A, cases of one line."""
    good = json.dumps(GOOD).encode()
    for name, line in {
        "no-colon": b'{"messages" []}',
        "no-comma": b'{"a":1 "b":2}',
        "end": b'{"messages": [{"role": "user"',
        "word": b"hello",
        "trailing-comma": b'{"a":1,}',
        "after": good + b"x",
        "comment": b'{"a":1} // one',
        "tab-in-string": b'{"a":"\t"}',
        "leading-zero": b'{"a":01}',
    }.items():
        yield Case(f"001-{name}", line, "E001")
    yield Case("007-latin-1", good.replace(b"well", b"w\xe4ll"), "E007")
    yield Case("007-surrogate-bytes", good.replace(b"well", b"\xed\xa0\x80"), "E007")
    yield Case("007-overlong", good.replace(b"well", b"\xc0\xaf"), "E007")
    yield Case("008-nul", good.replace(b"well", b"w\0ll"), "E008")
    yield Case("008-nul-outside", b"\0" + good, "E008")
    yield Case("009-escaped-nul", good.replace(b"well", b"w\\u0000ll"), "E009")
    yield Case("009-nul-in-key", b'{"a\\u0000": 1}', "E009")
    yield Case("010-high-surrogate", good.replace(b"well", b"\\ud800"), "E010")
    yield Case("010-low-surrogate", good.replace(b"well", b"\\udc00x"), "E010")
    yield Case("013-key-twice", good[:-1] + b',"id":"a","id":"b"}', "E013")
    yield Case("013-messages-twice", good[:-1] + b"," + good[1:], "E013")
    yield Case("013-role-twice", good.replace(b'"role": "user"', b'"role": "user", "role": "user"'), "E013")
    for word in (b"NaN", b"Infinity", b"-Infinity"):
        yield Case(f"014-{word.decode()}", good[:-1] + b',"x":' + word + b"}", "E014")
    yield Case("015-1e999", good[:-1] + b',"x":1e999}', "E015")
    yield Case("015-minus", good[:-1] + b',"x":-1e999}', "E015")
    yield Case("016-long-id", {**GOOD, "id": 10**29}, "E016")
    yield Case("016-negative", {**GOOD, "id": -(2**63) - 1}, "E016")
    yield Case("018-repr", str(GOOD).encode(), "E018")
    yield Case("018-none", good[:-1] + b',"x":None}', "E018")
    yield Case("018-true", good[:-1] + b',"x":True}', "E018")
    yield Case("018-quoted-value", good[:-1] + b",\"x\":'a'}", "E018")
    for name, line in (
        ("list", b"[1, 2]"),
        ("text", b'"a"'),
        ("null", b"null"),
        ("number", b"1.5"),
        ("true", b"true"),
    ):
        yield Case(f"019-{name}", line, "E019")
    yield Case("020-two-objects", good + good, "E020")
    yield Case("020-with-comma", good + b", " + good, "E020")
    yield Case("020-with-blank", good + b" " + good, "E020")
    yield Case("023-objects", nested(33), "E023")
    yield Case("023-lists", b'{"a":' + b"[" * 40 + b"]" * 40 + b"}", "E023")
    yield Case("023-thousands", nested(3000), "E023")
    yield Case("024-line-of-9-MB", b'{"a":"' + b"x" * (9 * 2**20) + b'"}', "E024")


def _conversation() -> Iterator[Case]:
    """Section B, turns, roles and contents."""
    ask, say = ("user", "Why?"), ("assistant", "So.")
    for name, value in (("null", None), ("empty", [])):
        yield Case(f"026-{name}", {"messages": value}, "E026")
    yield Case("026-system-alone", turns(("system", "Be brief.")), "E026")
    for name, value in (("text", "hi"), ("object", {"role": "user"}), ("number", 3)):
        yield Case(f"027-{name}", {"messages": value}, "E027")
    yield Case("027-list-of-texts", {"messages": ["hi"]}, "E027")
    yield Case("027-list-of-lists", {"messages": [["user", "hi"]]}, "E027")
    yield Case("028-null", turns(("user", None), say), "E028")
    yield Case("028-missing", {"messages": [{"role": "user"}, {"role": "assistant", "content": "x"}]}, "E028")
    yield Case("028-null-answer", turns(ask, ("assistant", None)), "E028")
    yield Case("028-part", parts({"type": "text"}), "E028")
    for role, empty in (("user", ""), ("user", " \n\t"), ("assistant", ""), ("assistant", "\u3000 ")):
        row = turns((role, empty), say) if role == "user" else turns(ask, (role, empty))
        yield Case(f"029-{role}-{len(empty)}", row, "E029")
    yield Case("029-no-parts", turns(("user", []), say), "E029")
    for name, value in (("number", 5), ("true", True), ("object", {"text": "x"}), ("float", 1.5)):
        yield Case(f"030-{name}", turns(("user", value), say), "E030")
    yield Case("030-part-number", parts(7), "E030")
    yield Case("030-part-type", parts({"type": "file", "file": "x"}), "E030")
    yield Case("030-part-text", parts({"type": "text", "text": 1}), "E030")
    for name, role in (("narrator", "narrator"), ("empty", ""), ("null", None), ("number", 3), ("list", ["user"])):
        yield Case(f"031-{name}", turns((role, "Why?"), say), "E031")
    for role in ("User ", "USER", "human", "Human", "question"):
        yield Case(f"032-{role.strip()}", turns((role, "Why?"), say), "E032", "P")
    for role in ("Assistant", "gpt", "bot", "model", "ai"):
        yield Case(f"032-{role}", turns(ask, (role, "So.")), "E032", "P")
    yield Case("032-developer", turns(("developer", "Be brief."), ask, say), "E032", "P")
    yield Case("032-observation", turns(ask, say, ("observation", "x"), say), "E032", "P")
    yield Case("033-assistant", turns(("assistant", "Hi."), ask, say), "E033")
    yield Case("033-after-system", turns(("system", "x"), say), "E033")
    yield Case("033-tool", turns(("tool", "x"), say), "E033")
    yield Case("034-users", turns(ask, ("user", "Well?"), say), "E034")
    yield Case("034-assistants", turns(ask, say, ("assistant", "And so.")), "E034")
    yield Case("035-user-last", turns(ask), "E035")
    yield Case("035-many-turns", turns(ask, say, ask), "E035")
    yield Case("035-tool-last", turns(ask, say, ("tool", "x")), "E035")
    yield Case("035-no-answer", {"question": "Why?"}, "E035")
    yield Case("036-second", turns(ask, ("system", "x"), say), "E036")
    yield Case("036-twice", turns(("system", "x"), ("system", "y"), ask, say), "E036")
    yield Case("036-column-and-turn", turns(("system", "x"), ask, say, system="y"), "E036")
    yield Case("037-tool-after-user", turns(ask, ("tool", "x"), say), "E037")
    yield Case("203-eval", turns(ask), "E203", use=("eval",))
    yield Case("203-blank", turns(ask, say, solution=" "), "E203")


def _keys() -> Iterator[Case]:
    """Section B, names of keys and columns."""
    say = {"role": "assistant", "content": "So."}
    for key in ("contents", "Content", "text", "value"):
        yield Case(f"038-{key}", {"messages": [{"role": "user", key: "Why?"}, say]}, "E038", "P")
    yield Case("038-Role", {"messages": [{"Role": "user", "content": "Why?"}, say]}, "E038", "P")
    for key, value in (("audio_path", "a.wav"), ("loss", False), ("name", "Ada"), ("images", ["i.png"])):
        yield Case(f"038-{key}", {"messages": [{"role": "user", "content": "Why?", key: value}, say]}, "E038")
    yield Case(
        "038-tool-calls", {"messages": [{"role": "user", "content": "x", "tool_calls": [{"id": 1}]}]}, "E038"
    )
    yield Case("038-both", {"messages": [{"role": "user", "content": "Why?", "contents": "x"}, say]}, "E038")
    yield Case("038-part-key", parts({"type": "image", "image": "i.png", "name": "x"}), "E038")
    for column in ("audio_path", "audio_file", "audio_paths", "Audio"):
        yield Case(f"039-{column}", chat("<audio>", **{column: ["a.wav"]}), "E039", "P")
    yield Case("039-one-path", chat("<audio>", audio_path="a.wav"), "E039", "P")
    yield Case("039-videoes", chat("<video>", videoes=["v.mp4"]), "E039", "P")
    yield Case("039-img", chat("<image>", img=["i.png"]), "E039", "P")
    yield Case("039-conversation", {"conversation": GOOD["messages"]}, "E039", "P")
    yield Case("039-system-prompt", chat(system_prompt="Be brief."), "E039", "P")
    yield Case("039-query", {"query": "Why?", "response": "So."}, "E039", "P")
    yield Case("039-alpaca", {"instruction": "Add.", "input": "1 1", "output": "2"}, "E039", "P")
    for column in ("vidos", "audos", "imags", "mesages"):
        yield Case(f"039-{column}", chat(**{column: ["x"]}), "E039")
    yield Case("039-two-columns", chat("<audio>", audio_path="a.wav", audio_file="b.wav"), "E039")
    yield Case("204-both", chat(conversations=[{"from": "human", "value": "x"}]), "E204")
    ids: tuple[tuple[str, Any], ...] = (
        *(("long", "x" * 1024), ("control", "a\nb"), ("bell", "a\x07"), ("up", "../b"), ("inner-up", "a/../b")),
        *(("blank", "  "), ("empty", ""), ("float", 1.5), ("true", True), ("list", [1]), ("line", "a\u2028b")),
    )
    for name, value in ids:
        yield Case(f"055-{name}", chat(id=value), "E055")
    prompt = turns(("user", "Why?"))
    yield Case("058-missing", prompt, "E058", use=("grpo",))
    yield Case("058-list", {**prompt, "solution": ["1"]}, "E058", use=("grpo",))
    yield Case("058-object", {**prompt, "solution": {"a": 1}}, "E058", use=("grpo",))
    yield Case("202-number", chat(solution=7), "E202", "P")
    yield Case("202-answer", {"question": "How many?", "answer": 7}, "E202", "P")
    yield Case("201-question", {"question": " ", "answer": "x"}, "E201")
    yield Case("209-text", {"text": "", "audio": "a.wav"}, "E209")
    for column, value in (
        *(("objects", {"bbox": [[0, 0, 1, 1]]}), ("tools", [{"name": "x"}]), ("rejected_response", "No.")),
        ("chat_template_kwargs", {"max_pixels": 100}),
        *((f"rejected_{kind}", ["a.wav"]) for kind in ("images", "audios", "videos")),
        *(("label", False), ("positive_messages", [[{"role": "user", "content": "Why?"}]])),
    ):
        yield Case(f"213-{column}", chat(**{column: value}), "E213")


def _markers() -> Iterator[Case]:
    """Section B, media and their markers."""
    two = ["i.png", "j.png"]
    yield Case("040-one-too-few", chat("<image>", images=two), "E040")
    yield Case("040-two-kinds", chat("Why?", images=["i.png"], audios=["a.wav"]), "E040")
    several = turns(("user", "Why?"), ("assistant", "So."), ("user", "And?"), ("assistant", "x"), images=["i.png"])
    yield Case("040-several-questions", several, "E040")
    yield Case("040-one-kind-missing", chat("<audio>", audios=["a.wav"], images=["i.png"]), "E040")
    for kind, file in (("image", "i.png"), ("audio", "a.wav"), ("video", "v.mp4")):
        yield Case(f"212-{kind}", chat("Why?", **{f"{kind}s": [file]}), "E212", "P")
    yield Case("212-two", chat("Why?", images=two), "E212", "P")
    yield Case(
        "212-after-system",
        turns(("system", "x"), ("user", "Why?"), ("assistant", "y"), audios=["a.wav"]),
        "E212",
        "P",
    )
    for kind in ("image", "audio", "video"):
        yield Case(f"041-{kind}", chat(f"<{kind}>"), "E041")
    yield Case("041-two", chat("<image><image>", images=["i.png"]), "E041")
    yield Case("041-empty-list", chat("<image>", images=[]), "E041")
    yield Case("041-null", chat("<image>", images=None), "E041")
    yield Case("042-assistant", chat("Why?", "See <image>"), "E042")
    yield Case("042-part", turns(("user", "Why?"), ("assistant", [{"type": "image"}])), "E042")
    yield Case("043-system", turns(("system", "<audio>"), ("user", "a"), ("assistant", "b")), "E043")
    yield Case(
        "043-tool", turns(("user", "a"), ("assistant", "b"), ("tool", "<image>"), ("assistant", "c")), "E043"
    )
    yield Case("044-part", parts(text("What does <audio> mean?")), "E044", "P")
    yield Case("044-beside", parts({"type": "audio", "audio": "a.wav"}, text("Not <audio>.")), "E044", "P")
    yield Case("044-text", chat("<audio> What does <audio> mean?", audios=["a.wav"]), "E041")
    yield Case("045-order", chat("<audio><image>", images=["i.png"], audios=["a.wav"]), "E045", "W")
    for written in ("<Image>", "< image >", "<image/>", "<images>", "</image>", "<IMAGE>"):
        yield Case(f"046-{written}", chat(written, images=["i.png"]), "E046")
    tokens = ("<|im_end|>", "<|im_start|>", "<|endoftext|>", "<|audio_pad|>", "<|image_pad|>", "<|video_pad|>")
    for token in (*tokens, "<|vision_start|>", "<|audio_start|>", "<tts_pad>"):
        yield Case(f"047-{token.strip('<|>')}", chat(f"Say {token} now."), "E047")
    yield Case("047-answer", chat("Why?", "x<|im_end|>"), "E047")
    yield Case("047-system", turns(("system", "<|im_start|>"), ("user", "a"), ("assistant", "b")), "E047")
    for tag in ("bbox", "ref-object", "cot-process", "start-image"):
        yield Case(f"048-{tag}", chat(f"<{tag}>"), "E048")
    for number in (0, 1):
        yield Case(f"241-round-{number}", chat(f"Why {{{{ROUND{number}}}}}?"), "E241")
    for word in ("QUERY", "SYSTEM", "ROUND0"):
        asked = ("user", "Why?"), ("assistant", "So."), ("tool", f"a {{{{{word}}}}}"), ("assistant", "So.")
        yield Case(f"241-tool-{word}", turns(*asked), "E241")
    yield Case("049-path", chat("<img>/etc/passwd</img>"), "E049")
    yield Case("049-lines", chat("<img>a\nb</img>"), "E049")
    yield Case("050-part-and-list", parts({"type": "image", "image": "i.png"}, images=["j.png"]), "E050")
    yield Case("050-two-columns", chat("<image>", images=["i.png"], image="j.png"), "E050")
    yield Case("050-two-places", parts({"type": "image", "image": "i.png", "url": "j.png"}), "E050")
    yield Case("051-text", chat("<audio>", audios="a.wav"), "E051", "P")
    bad_lists: tuple[tuple[str, Any], ...] = (
        *(("nested", [["a.wav"]]), ("null-in-list", ["a.wav", None]), ("empty-in-list", [""]), ("number", 5)),
        *(("object", {"path": "a.wav"}), ("true", True), ("number-in-list", [1])),
    )
    for name, value in bad_lists:
        yield Case(f"051-{name}", chat("<audio>", audios=value), "E051")
    for name, settings, code in (
        ("start-text", {"video_start": "1"}, "E052"),
        ("fps-text", {"fps": "2"}, "E052"),
        ("fps-list", {"fps": [2]}, "E052"),
        ("end-before-start", {"video_start": 5, "video_end": 2}, "E053"),
        ("negative", {"video_start": -1.0}, "E053"),
        ("equal", {"video_start": 2, "video_end": 2}, "E053"),
        ("both", {"fps": 2, "nframes": 8}, "E054"),
        ("good", {"video_start": 0, "video_end": 2}, "E213"),
        ("pixels", {"max_pixels": 50176}, "E213"),
    ):
        part = {"type": "video", "video": "v.mp4", **settings}
        yield Case(f"{code[1:]}-{name}", parts(part), code)
        if code != "E213":
            yield Case(
                f"{code[1:]}-column-{name}", chat("<video>", videos=["v.mp4"], chat_template_kwargs=settings), code
            )
    for name, char in (
        ("override", "\u202e"),
        ("zero-width", "\u200b"),
        ("private", "\ue000"),
        ("tag", "\U000e0041"),
    ):
        yield Case(f"060-{name}", chat(f"a{char}b"), "E060", "W")
    yield Case("060-answer", chat("Why?", "a\ufeffb"), "E060", "W")
    yield Case("205-base64", chat("<image>", images=["data:image/png;base64,@@"]), "E205")
    yield Case("205-no-base64", chat("<image>", images=["data:image/png,xx"]), "E205")
    yield Case("205-empty", chat("<image>", images=["data:image/png;base64,"]), "E205")
    yield Case("205-input-audio", parts({"type": "input_audio", "input_audio": {"format": "wav"}}), "E205")


def _paths() -> Iterator[Case]:
    """Section C; the places are those of `tree`."""

    def audio(name: str, path: str, code: str, verdict: str = "R") -> Case:
        return Case(name, chat("<audio>Who?", audios=[path]), code, verdict)

    yield audio("061-missing", "missing/photo123.jpeg", "E061")
    yield audio("061-absolute", "/nowhere/a.wav", "E061")
    yield audio("061-broken-link", "gone.wav", "E061")
    yield audio("061-too-long", "x" * 300, "E061")
    yield audio("062-empty", "empty.wav", "E062")
    yield audio("063-folder", "folder", "E063")
    yield audio("064-device", "/dev/zero", "E069")
    yield audio("064-link-to-device", "zero.wav", "E068")
    yield audio("065-fifo", "fifo.wav", "E065")
    yield audio("066-socket", "socket.wav", "E066")
    yield audio("066-proc", "/proc/self/environ", "E069")
    yield audio("067-loop", "loop.wav", "E067")
    yield audio("068-link-out", "out.wav", "E068")
    yield audio("068-folder-out", "outside/secret.wav", "E068")
    yield audio("069-up", "../secret.wav", "E069")
    yield audio("069-absolute", "/etc/passwd", "E069")
    yield audio("069-many-up", "../" * 20 + "etc/passwd", "E069")
    yield audio("070-two-roots", "twice.wav", "E070", "W")
    for url in ("http://x.example/a.wav", "https://x.example/a.wav", "HTTP://x.example/a.wav"):
        yield audio(f"071-{url[:5]}", url, "E071")
    for scheme in ("file:///etc/passwd", "ftp://x/a.wav", "s3://b/a.wav", "rtsp://x/a", "concat:a.wav|b.wav"):
        yield audio(f"072-{scheme.split(':')[0]}", scheme, "E072")
    for scheme in ("subfile,,start,0,end,9,,:a.wav", "pipe:0", "file:a.wav", "cache:a.wav", "crypto:a.wav"):
        yield audio(f"072-{scheme[:7]}", scheme, "E072")
    yield audio("076-newline", "a\n.wav", "E076")
    yield audio("076-escape", "a\x1b.wav", "E076")
    yield audio("076-delete", "a\x7f.wav", "E076")
    yield audio("215-blanks", " a.wav ", "E215", "P")
    yield audio("215-windows", ".\\folder\\b.wav", "E215", "P")
    yield audio("215-other-form", "u\u0308.wav", "E215", "P")
    yield Case("077-case", chat("<audio><audio>", audios=["a.wav", "A.WAV"]), "E077", "W")


CASES = [case for part in (_files, _lines, _conversation, _keys, _markers, _paths) for case in part()]
