"""One training row from Python: markers placed, checked as the pipeline will check it.

A data set with a form of its own is a loop of `create_sample` and one `write_samples`; its file is a source of the
format `messages`.
"""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from omnitune.converters.source import own_id
from omnitune.publish import open_atomic
from omnitune.records import MARKERS, MODALITIES, Message, Record, encode
from omnitune.validation.checks import check_record
from omnitune.validation.codes import CODES, RowError

Files = str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None
_OWN = {"id", "messages", "conversations", "image", "audio", "video", "system", "solution"}


def create_sample(
    user: str,
    assistant: str | None = None,
    *,
    system: str | None = None,
    images: Files = (),
    audios: Files = (),
    videos: Files = (),
    solution: str | None = None,
    **extra: Any,
) -> dict[str, Any]:
    """A row in ms-swift's form.

    Args:
        user: the question. The markers of a medium that it does not place itself go before it: images, audio,
            video, one a file.
        assistant: the answer; None makes a prompt, for GRPO or for evaluation with a solution.
        system: the system prompt.
        images, audios, videos: paths, one or several. Relative ones are looked for beside the file of rows and in
            media.roots. Whether they exist is asked by the validate stage.
        solution: the reference answer, when it is not the assistant's.
        extra: more columns; `id` names the row, a text or whole number.

    Raises:
        ValueError: with a sentence, when the pipeline would reject the row.
    """
    media = {
        "image": _paths("images", images),
        "audio": _paths("audios", audios),
        "video": _paths("videos", videos),
    }
    for name, text in (("user", user), ("assistant", assistant), ("system", system), ("solution", solution)):
        if not isinstance(text, str) and (text is not None or name == "user"):
            raise ValueError(f"{name} is {text!r}. Give it as text.")
    if taken := sorted(_OWN & extra.keys() - {"id"}):
        raise ValueError(f"{taken[0]} is no free column. Use the argument for it.")
    if "id" in extra:
        try:
            own_id(extra["id"])
        except RowError as error:
            raise ValueError(str(error)) from None
    missing = (MARKERS[name] * len(media[name]) for name in MODALITIES if MARKERS[name] not in user)
    messages = [Message("user", "".join(missing) + user)]
    if system is not None:
        messages.insert(0, Message("system", system))
    if assistant is not None:
        messages.append(Message("assistant", assistant))
    lists: dict[str, Any] = {f"{name}s": paths for name, paths in media.items() if paths}
    record = Record("", "", 1, "", messages, solution=solution, **lists)
    use = ["sft"] if assistant is not None else []
    if findings := [found for found in check_record(record, use) if CODES[found.code].actions[0] != "warn"]:
        raise ValueError(" ".join(finding.sentence() for finding in findings))
    turns = [{"role": message.role, "content": message.content} for message in messages]
    reference = {} if solution is None else {"solution": solution}
    return {"messages": turns, **lists, **reference, **extra}


def write_samples(path: str | os.PathLike[str], samples: Iterable[dict[str, Any]]) -> int:
    """Write rows as JSONL and return how many; the file appears when it is whole."""
    count = 0
    with open_atomic(Path(path)) as file:
        for sample in samples:
            file.write(encode(sample))
            count += 1
    return count


def _paths(name: str, files: Files) -> list[str]:
    if files is None:
        return []
    if not isinstance(files, str | os.PathLike | Sequence):
        raise ValueError(f"{name} is {files!r}. Give a path or a list of paths.")
    paths = [files] if isinstance(files, str | os.PathLike) else list(files)
    for path in paths:
        if not isinstance(path, str | os.PathLike) or not os.fspath(path):
            raise ValueError(f"{name} holds {path!r}. Give the path of a file.")
    return [str(os.fspath(path)) for path in paths]
