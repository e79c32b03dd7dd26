"""What must hold for a record by itself: pure functions from a record to its findings.

Files are not looked at here.
"""

from collections.abc import Collection, Iterator

from omnitune.records import MARKERS, MODALITIES, ROLES, Message, Record
from omnitune.validation.codes import Finding
from omnitune.validation.privacy import personal
from omnitune.validation.text import is_harmless, odd_marker, placeholder, steering, unusual_character

# What may come after a turn, tools left aside.
_AFTER_NOTHING: tuple[str, ...] = ("system", "user")
_FOLLOWS: dict[str, tuple[str, ...]] = {"system": ("user",), "user": ("assistant",), "assistant": ("user",)}


def check_record(
    record: Record, use: Collection[str], need_solution: bool = False, private: bool = False
) -> list[Finding]:
    """Everything that is wrong with the record for the given uses; empty when it is good.

    Args:
        record: the record.
        use: what it may become, of sft, grpo and eval.
        need_solution: whether a reward of GRPO compares with a solution.
        private: whether personal data and secrets are looked for.
    """
    if _is_plain(record, private):
        return []
    return [
        *check_roles(record.messages),
        *check_texts(record.messages, private),
        *check_markers(record),
        *check_answer(record, use, need_solution),
    ]


def _is_plain(record: Record, private: bool) -> bool:
    """Whether the record is of text and good at a glance: nearly all are, and the long way takes long."""
    if private or record.images or record.audios or record.videos:
        return False
    if record.solution is not None and not record.solution.strip():
        return False
    role, follows = "", _AFTER_NOTHING
    for message in record.messages:
        role, text = message.role, message.content
        if role not in follows or not text or text.isspace() or not is_harmless(text):
            return False
        follows = _FOLLOWS[role]
    return role == "assistant"


def check_roles(messages: list[Message]) -> Iterator[Finding]:
    """Known roles in an order that a chat template can write down."""
    if not messages:
        yield Finding("E026", "the row has no turns")
        return
    before: str | None = None
    for number, message in enumerate(messages, 1):
        role = message.role
        if role not in ROLES:
            yield Finding("E031", f'turn {number} has the role "{role[:40]}"')
        elif role == "system":
            if number > 1:
                yield Finding("E036", f"turn {number} is a system turn")
                role = ""  # what comes after it is not blamed too
        elif before in (None, "system") and role != "user":
            which = "the turn after the system's" if before else "the first turn"
            yield Finding("E033", f"{which} is the {role}'s", "Start with a user turn.")
        elif role == "tool" and before == "user":
            yield Finding("E037", f"turn {number} is a tool's result, but no assistant turn asks for it")
        elif role == before and role != "tool":
            yield Finding("E034", f"turns {number - 1} and {number} are both the {role}'s")
        before = role
    if messages[-1].role == "system":
        yield Finding("E026", "the row has a system turn and nothing else")


def check_texts(messages: list[Message], private: bool = False) -> Iterator[Finding]:
    """No empty turns, and no text that the tokenizer or ms-swift takes for something else."""
    for number, message in enumerate(messages, 1):
        text = message.content
        if not text.strip() and message.role in ("user", "assistant"):
            yield Finding("E029", f"turn {number} ({message.role}) is empty")
        if "\0" in text:
            yield Finding("E009", f"turn {number} holds a NUL character")
        if not text.isascii() and (found := unusual_character(text)):
            yield Finding("E060", f"turn {number} holds {found}")
        if found := placeholder(message.role, text):
            yield Finding("E241", f"turn {number} holds {found}, which ms-swift replaces")
        if private and (found := personal(text)):
            yield Finding("E214", f"turn {number} seems to hold {found}")
        if "<" in text:
            for code, what in steering(text):
                yield Finding(code, f"turn {number} holds {what}")


def check_markers(record: Record) -> Iterator[Finding]:
    """One marker a medium, in user turns only."""
    counts = dict.fromkeys(MODALITIES, 0)
    misspelt = ""
    for number, message in enumerate(record.messages, 1):
        if "<" not in message.content:
            continue
        for modality, marker in MARKERS.items():
            found = message.content.count(marker)
            if found and message.role == "user":
                counts[modality] += found
            elif found:
                code = "E042" if message.role == "assistant" else "E043"
                yield Finding(code, f"turn {number} ({message.role}) holds {marker}")
        if message.role == "user" and not misspelt:
            misspelt = odd_marker(message.content)
    for modality, marker in MARKERS.items():
        markers, files = counts[modality], len(getattr(record, f"{modality}s"))
        if markers == files:
            continue
        what = f'{_count(markers, f"{marker} marker")} but {_count(files, "entry")} in "{modality}s"'
        if markers < files and misspelt:
            yield Finding("E046", f"{what}, and the text holds {misspelt}", f"Did you mean {marker}?")
        else:
            yield Finding("E041" if markers > files else "E040", what)


def check_answer(record: Record, use: Collection[str], need_solution: bool = False) -> Iterator[Finding]:
    """Something to learn for sft, something to compare with for eval and for rewards that do."""
    if not record.messages or record.messages[-1].role == "system":
        return  # which has its own finding
    last = record.messages[-1].role
    if "sft" in use and last != "assistant":
        yield Finding("E035", f"the last turn is the {last}'s, so there is no answer to train on")
    # An empty assistant turn has its own finding.
    elif "eval" in use and record.solution is None and last != "assistant":
        yield Finding("E203", "there is no reference answer to compare with")
    elif "grpo" in use and need_solution and record.solution is None and last != "assistant":
        yield Finding("E058", "there is no solution, and a reward compares with it")
    if record.solution is not None and not record.solution.strip():
        yield Finding("E203", '"solution" is empty', "Fill it or leave it out.")


def _count(number: int, noun: str) -> str:
    plural = noun if number == 1 else noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{number} {plural}"
