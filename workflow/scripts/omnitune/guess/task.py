"""What the answers are, and so which metrics rate them."""

import re
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from omnitune.config.score import Metric
from omnitune.records import Record

_transcribe = re.compile(
    r"transcri|speech.to.text|write down|what (?:is|was|does|did|do) .{0,30}\b(?:said|say|speak)|\basr\b"
    r"|转写|听写|转录|语音识别|说了什么|文字",
    re.IGNORECASE,
)
_boxed = re.compile(r"\\boxed\s*\{|####\s*-?[\d$]")
_number = re.compile(
    r"^\s*[-+]?\$?\\?\(?\s*[-+]?[\d.,]+(?:\s*/\s*\d+)?\s*%?\\?\)?\$?\s*$|^\s*\$[^$]+\$\s*$|\\d?frac|\\sqrt"
)
# Chinese and Japanese are written without blanks, so words cannot be counted.
_unspaced = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_SHORT_WORDS, _SHORT_CHARS = 5, 40


class Task(NamedTuple):
    """A name for the source's `task`, its metrics, and why."""

    name: str
    metrics: list[Metric]
    why: str


def guess_task(records: Sequence[Record]) -> Task:
    """The task of records that have an answer."""
    answers = [answer for record in records if (answer := record.answer()) is not None]
    if not answers:
        return Task("default", ["exact_match"], "there are no answers to judge by")
    unspaced = _share([bool(_unspaced.search(answer)) for answer in answers]) > 0.5
    words = median(len(answer) if unspaced else len(answer.split()) for answer in answers)
    if _share([bool(_boxed.search(answer)) for answer in answers]) >= 0.3:
        return Task("math", ["math_verify"], "answers end in \\boxed{} or ####")
    modalities = {record.modality() for record in records}
    if any("audio" in modality for modality in modalities) and (why := _hears_speech(records, words)):
        if unspaced:
            return Task("asr", ["cer"], f"{why}; this script has no blanks to count words by")
        return Task("asr", ["wer", "cer"], why)
    numbers = _share([bool(_number.search(answer)) for answer in answers])
    if numbers >= 0.8 and modalities == {"text"}:
        return Task("math", ["math_verify"], "answers are numbers or formulas")
    if words <= (12 if unspaced else _SHORT_WORDS) and median(map(len, answers)) <= _SHORT_CHARS:
        return Task("short_answer", ["exact_match"], "answers are short")
    why = "long free answers: no metric here fits them well, read the predictions too"
    return Task("default", ["exact_match"], why)


def _hears_speech(records: Sequence[Record], words: float) -> str:
    """Why audio rows look like transcription, or an empty string."""
    if _share([bool(_transcribe.search(_question(record))) for record in records]) > 0.5:
        return "audio, and the questions ask for what is said"
    few = len({_question(record) for record in records}) <= max(1, len(records) // 10)
    if few and 3 < words < 100 and {record.modality() for record in records} == {"audio"}:
        return "audio, few different questions, and answers as long as sentences"
    return ""


def _share(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags) if flags else 0.0


def _question(record: Record) -> str:
    return " ".join(message.content for message in record.messages if message.role in ("system", "user"))
