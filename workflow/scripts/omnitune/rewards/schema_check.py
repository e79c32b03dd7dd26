"""Whether a value fits a JSON schema: the keywords that describe an answer, no more.

The environment of ms-swift holds no validator. A keyword that is not known here is refused and not ignored, since
a rule that is left out would be rewarded.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

Schema = Mapping[str, Any] | bool
# They say nothing about a value.
_NOTES = frozenset(
    {"$schema", "$id", "$comment", "$defs", "definitions", "title", "description", "default", "examples", "format"}
)


def fits(value: Any, schema: Schema, root: Schema | None = None) -> bool:
    """Whether a value is what a schema describes (JSON Schema 2020-12, the keywords of `KEYWORDS`)."""
    if isinstance(schema, bool):
        return schema
    root = schema if root is None else root
    return all(KEYWORDS[name](value, told, schema, root) for name, told in schema.items() if name not in _NOTES)


def check_schema(schema: Any, at: str = "#") -> None:
    """Refuse what `fits` cannot judge by.

    Raises:
        ValueError: for a keyword that it does not know, or a part that is no schema.
    """
    if isinstance(schema, bool):
        return
    if not isinstance(schema, Mapping):
        raise ValueError(f"{at} is no schema but {schema!r}")
    for name, told in schema.items():
        if name not in KEYWORDS and name not in _NOTES:
            raise ValueError(f"{at} uses the keyword {name}, which is not known; known are {', '.join(KEYWORDS)}")
        if name in ("properties", "$defs", "definitions"):
            for key, part in told.items():
                check_schema(part, f"{at}/{name}/{key}")
        elif name in ("items", "not", "additionalProperties"):
            check_schema(told, f"{at}/{name}")
        elif name in ("anyOf", "oneOf", "allOf"):
            for number, part in enumerate(told):
                check_schema(part, f"{at}/{name}/{number}")


def _is(value: Any, kind: str) -> bool:
    match kind:
        case "null":
            return value is None
        case "boolean":
            return isinstance(value, bool)
        case "string":
            return isinstance(value, str)
        case "array":
            return isinstance(value, list)
        case "object":
            return isinstance(value, dict)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "integer":
            return _is(value, "number") and math.isfinite(value) and value == int(value)
    raise ValueError(f"there is no type {kind}")


def _equal(one: Any, other: Any) -> bool:
    """Equal as JSON: 1 and 1.0 are, 1 and true are not."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    return bool(one == other)


def _referred(root: Any, pointer: str) -> Schema:
    found = root
    for part in pointer.removeprefix("#").strip("/").split("/"):
        if part:
            found = found[part.replace("~1", "/").replace("~0", "~")]
    return found


def _no_others(value: dict[str, Any], told: Schema, schema: Any, root: Any) -> bool:
    return all(fits(part, told, root) for key, part in value.items() if key not in schema.get("properties", {}))


def _of(kind: str, rule: Callable[[Any, Any, Any, Any], bool]) -> Callable[[Any, Any, Any, Any], bool]:
    """A rule for values of one type; it says nothing about others."""
    return lambda value, told, schema, root: not _is(value, kind) or rule(value, told, schema, root)


KEYWORDS: dict[str, Callable[[Any, Any, Any, Any], bool]] = {
    "type": lambda v, told, *_: any(_is(v, kind) for kind in ([told] if isinstance(told, str) else told)),
    "enum": lambda v, told, *_: any(_equal(v, one) for one in told),
    "const": lambda v, told, *_: _equal(v, told),
    "properties": _of("object", lambda v, told, _, root: all(fits(v[k], told[k], root) for k in told if k in v)),
    "required": _of("object", lambda v, told, *_: all(key in v for key in told)),
    "additionalProperties": _of("object", _no_others),
    "minProperties": _of("object", lambda v, told, *_: len(v) >= told),
    "maxProperties": _of("object", lambda v, told, *_: len(v) <= told),
    "items": _of("array", lambda v, told, _, root: all(fits(item, told, root) for item in v)),
    "minItems": _of("array", lambda v, told, *_: len(v) >= told),
    "maxItems": _of("array", lambda v, told, *_: len(v) <= told),
    "uniqueItems": _of(
        "array",
        lambda v, told, *_: not told or not any(_equal(v[i], v[j]) for i in range(len(v)) for j in range(i)),
    ),
    "minLength": _of("string", lambda v, told, *_: len(v) >= told),
    "maxLength": _of("string", lambda v, told, *_: len(v) <= told),
    "pattern": _of("string", lambda v, told, *_: re.search(told, v) is not None),
    "minimum": _of("number", lambda v, told, *_: v >= told),
    "maximum": _of("number", lambda v, told, *_: v <= told),
    "exclusiveMinimum": _of("number", lambda v, told, *_: v > told),
    "exclusiveMaximum": _of("number", lambda v, told, *_: v < told),
    "anyOf": lambda v, told, _, root: any(fits(v, part, root) for part in told),
    "oneOf": lambda v, told, _, root: sum(fits(v, part, root) for part in told) == 1,
    "allOf": lambda v, told, _, root: all(fits(v, part, root) for part in told),
    "not": lambda v, told, _, root: not fits(v, told, root),
    "$ref": lambda v, told, _, root: fits(v, _referred(root, told), root),
}
