"""Where a completion answers: what most rewards compare with the solution."""

import json
import re
from typing import Any

_tags = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
_fence = re.compile(r"```\w*\s*\n(.*?)```", re.DOTALL)


def answer_of(text: str) -> str:
    """What stands in the last <answer> tags, else the whole text; blanks at the ends left out."""
    found = _tags.findall(text)
    return (found[-1] if found else text).strip()


def solution_of(value: Any) -> str:
    """A row's solution as text, in whatever form its column holds it; empty when there is none."""
    if value is None:
        return ""
    return answer_of(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def without_fence(text: str) -> str:
    """The inside of the last Markdown code block, else the text."""
    found = _fence.findall(text)
    return (found[-1] if found else text).strip()
