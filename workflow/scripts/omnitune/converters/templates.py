"""The turns of a unified row as templates with {modality_tag} and {text}.

Only these two are put in, in one pass: braces around anything that is no word stay as they are, in a template
(`\\boxed{{text}}`) as in the rows' texts.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from omnitune.errors import suggest

TAG, TEXT = "{modality_tag}", "{text}"
_placeholder = re.compile(r"\{[A-Za-z_]\w*\}")


class Templates(NamedTuple):
    """What the user and the assistant say.

    Attributes:
        user: the question.
        assistant: the answer; None: the rows are prompts without one.
    """

    user: str = "{modality_tag}Describe the content."
    assistant: str | None = "{text}"


def fill(template: str, text: str, tag: str = "") -> str:
    """The template with `text` and `tag` in their places."""
    values = {TEXT: text, TAG: tag}
    return _placeholder.sub(lambda found: values.get(found[0], found[0]), template)


def mistakes(templates: Templates) -> Iterator[tuple[str, str]]:
    """(key, sentence) of what would make wrong turns."""
    for key, template, known in (
        ("user_template", templates.user, (TAG, TEXT)),
        ("assistant_template", templates.assistant or "", (TEXT,)),
    ):
        for name in dict.fromkeys(_placeholder.findall(template)):
            if name not in known:
                yield key, f"has the placeholder {name}. {suggest(name, known) or 'It may hold ' + _either(known)}"
    if TEXT in templates.user and TEXT in (templates.assistant or ""):
        yield (
            "assistant_template",
            "holds {text}, and so does user_template: the question would hold the answer. Take it out of one.",
        )


def _either(known: tuple[str, ...]) -> str:
    return " and ".join(known) + "."
