"""A mistake that pydantic found -> one sentence: what, where, what to write instead."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args, get_origin

import yaml
from pydantic import BaseModel
from pydantic_core import ErrorDetails

from omnitune.errors import suggest

Key = tuple[str | int, ...]


class Where:
    """`file: key` for a key path, with the last config file that holds it."""

    def __init__(self, files: Sequence[str | Path]) -> None:
        self.files = [
            (_short(file), yaml.safe_load(Path(file).read_text(encoding="utf-8")) or {}) for file in files
        ]

    def __call__(self, key: Key) -> str:
        """The place of a key, as a sentence begins."""
        names = ".".join(map(str, key))
        for depth in range(len(key), 0, -1):
            for file, values in reversed(self.files):
                if _holds(values, key[:depth]):
                    return f"{file}: {names}"
        return f"{self.files[0][0]}: {names}" if self.files else names


def sentence(kind: type[BaseModel], details: ErrorDetails, where: Where, prefix: Key) -> str:
    """What pydantic says of one value, for a person.

    Args:
        kind: the model that was validated.
        details: one entry of ValidationError.errors().
        where: names the file of a key.
        prefix: where the model's own keys hang in the config.
    """
    # pydantic marks a bad key of a mapping by a part of its own; a reader knows only the keys.
    location: Key = tuple(part for part in details["loc"] if part != "[key]")
    place, given = where((*prefix, *location)), details["input"]
    match details["type"]:
        case "extra_forbidden":
            return f"{place} is not a setting. {_instead(kind, location, prefix)}".rstrip()
        case "missing":
            return f"{place} is missing. {_description(kind, location)}".rstrip()
        case "string_pattern_mismatch":
            return f"{place}: {given!r} is no name. Use lower-case letters, digits, _ and -."
        case "float_type" | "int_type" | "float_parsing" if isinstance(given, str):
            return f"{place} is the text {given!r}, not a number. Write a number, without quotes."
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"{place} must be a section of keys, not {given!r}. Indent its keys below it."
        case "list_type":
            return f"{place} must be a list, not {given!r}. Write [{given}]."
        case _:
            # `Input should be greater than 0`, `Dictionary should have at least 1 item after validation, not 0`
            reason, should, limit = details["msg"].partition(" should ")
            told = f"it must {limit.partition(' after validation')[0]}" if should else reason
            return f"{place} is {given!r}; {told}."


def model_in(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """The section that a field holds, and whether it holds several by name."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    for arg in get_args(annotation):
        inner, _ = model_in(arg)
        if inner:
            return inner, get_origin(annotation) is dict
    return None, False


def _model_at(model: type[BaseModel], location: Key) -> type[BaseModel] | None:
    """The model of the section at `location`; None where keys are free."""
    is_name = False
    for part in location:
        if is_name:
            is_name = False
            continue
        annotations = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
        inner, is_name = model_in(annotations.get(str(part)))
        if inner is None:
            return None
        model = inner
    return None if is_name else model


def _instead(kind: type[BaseModel], location: Key, prefix: Key) -> str:
    """The key that was meant, or else those that there are."""
    known, section = _keys(kind, location[:-1]), ".".join(map(str, (*prefix, *location[:-1])))
    if close := suggest(str(location[-1]), known):
        return close.replace("mean ", f"mean {section}." if section else "mean ")
    return f"{f'Settings of {section}' if section else 'Settings'} are {', '.join(known)}." if known else ""


def _keys(kind: type[BaseModel], location: Key) -> list[str]:
    model = _model_at(kind, location)
    return [field.alias or name for name, field in model.model_fields.items()] if model else []


def _description(kind: type[BaseModel], location: Key) -> str:
    model = _model_at(kind, location[:-1])
    field = model.model_fields.get(str(location[-1])) if model else None
    return f"Set it: {field.description}" if field and field.description else ""


def _short(file: str | Path) -> str:
    """The path as a person typed it: Snakemake makes those on the command line absolute."""
    path = Path(file).absolute()
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(file)


def _holds(values: Any, key: Key) -> bool:
    for part in key:
        if isinstance(values, list):
            return True  # the place in a list says nothing about the file
        if not isinstance(values, Mapping) or part not in values:
            return False
        values = values[part]
    return True
