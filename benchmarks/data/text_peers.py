"""What others do with rows of text: the sides of bench_text.py that run in an environment of their own.

Started by bench_text.py as `python text_peers.py NAME`; each line of standard input is a file of rows and a folder
to write into, and is answered with a line of JSON: processor seconds, rows, and a digest of their texts.
"""

import hashlib
import json
import os
import re
import resource
import shutil
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

# Without line breaks in between, so that a joined text has the same digest.
Turns = Iterable[str]
Peer = Callable[[Path, Path], tuple[float, Any]]


def processor_seconds() -> float:
    """Of this process with its threads, and of the children that have ended: ms-swift maps in one."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def digest(rows: Iterable[Turns]) -> tuple[int, str]:
    """How many rows there are, and a hash of all that is said in them, in order."""
    count, found = 0, hashlib.sha256()
    for count, turns in enumerate(rows, 1):  # noqa: B007
        found.update("\n".join(turns).encode() + b"\0")
    return count, found.hexdigest()


def turns(row: dict[str, Any]) -> Turns:
    """What is said in a row."""
    return [turn["content"] for turn in row["messages"]]


def ms_swift(path: Path, folder: Path) -> tuple[float, Any]:
    """The loader of ms-swift with its preprocessing, as a training calls it."""
    from swift.dataset import load_dataset

    start = processor_seconds()
    rows, _ = load_dataset([str(path)], num_proc=1, load_from_cache_file=False)
    return processor_seconds() - start, map(turns, rows)


def datasets_map(path: Path, folder: Path) -> tuple[float, Any]:
    """A row-wise map that checks what we check of text and adds what we add; its Arrow file is what it writes."""
    import datasets

    start = processor_seconds()
    rows = datasets.load_dataset("json", data_files=str(path), split="train", cache_dir=str(folder))
    judge = Judge()
    judged = rows.map(judge, with_indices=True, load_from_cache_file=False)
    seconds = processor_seconds() - start
    assert set(judged["verdict"]) == {"accepted"}
    return seconds, map(turns, judged)


def data_juicer(path: Path, folder: Path) -> tuple[float, Any]:
    """The nearest operators of data-juicer, on the turns joined to one text: no empty text, no odd characters."""
    from data_juicer.core.data import NestedDataset
    from data_juicer.ops.filter.special_characters_filter import SpecialCharactersFilter
    from data_juicer.ops.filter.text_length_filter import TextLengthFilter
    from datasets import disable_caching, load_dataset

    disable_caching()
    joined = folder / "texts.jsonl"
    with path.open() as source, joined.open("w") as file:
        file.writelines(json.dumps({"text": "\n".join(turns(json.loads(line)))}) + "\n" for line in source)
    start = processor_seconds()
    rows = NestedDataset(load_dataset("json", data_files=str(joined), split="train", cache_dir=str(folder)))
    operators = [TextLengthFilter(min_len=1), SpecialCharactersFilter(max_ratio=1.0)]
    kept = rows.process(operators)
    return processor_seconds() - start, ([row["text"]] for row in kept)


class Judge:
    """The checks of a row of text as a person would write them."""

    FOLLOWS = {"": ("system", "user"), "system": ("user",), "user": ("assistant",), "assistant": ("user",)}
    BAD = re.compile(
        r"<(?:image|audio|video|bbox|ref-object|cot-process|start-image)>|<img>.*</img>"
        r"|<\|(?:im_start|im_end|endoftext|vision_start|vision_end|image_pad|video_pad|audio_pad)\|>"
        "|[\0\u200b\u202a-\u202e\u2060-\u2064\ufeff\ue000-\uf8ff]",
        re.DOTALL,
    )

    def __init__(self) -> None:
        self.seen: set[str] = set()

    def __call__(self, row: dict[str, Any], number: int) -> dict[str, Any]:
        """The columns that are added."""
        before, codes = "", []
        for turn in row["messages"]:
            role, text = turn["role"], turn["content"]
            if role not in self.FOLLOWS[before]:
                codes.append("role")
            if not text.strip():
                codes.append("empty")
            if self.BAD.search(text):
                codes.append("text")
            before = role
        if before != "assistant":
            codes.append("answer")
        name = f"rows/{row['id'] or f'{number + 1:08d}'}"
        if name in self.seen:
            codes.append("id")
        self.seen.add(name)
        place = {"id": name, "source": "rows", "line": number + 1, "task": "any"}
        return place | {"verdict": "rejected" if codes else "accepted", "codes": codes}


PEERS: dict[str, Peer] = {"ms-swift": ms_swift, "datasets.map": datasets_map, "data-juicer": data_juicer}


def main() -> None:
    """Answer until the input ends; what the libraries print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    peer = PEERS[sys.argv[1]]
    for line in sys.stdin:
        path, folder = map(Path, json.loads(line))
        # Every run begins with empty caches; what ms-swift keeps lies there too.
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        seconds, texts = peer(path, folder)
        print(json.dumps([seconds, *digest(texts)]), file=answers, flush=True)


if __name__ == "__main__":
    main()
