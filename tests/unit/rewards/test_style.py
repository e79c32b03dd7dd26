"""Rewards of how something is said: length, repetition, json_schema."""

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnitune import rewards
from omnitune.rewards.json_schema import read_schema
from omnitune.rewards.schema_check import KEYWORDS, check_schema, fits


@pytest.mark.parametrize(("tokens", "value"), [(0, 0.5), (5, 1), (10, 1), (12, 0.8), (15, 0.5), (20, 0), (200, 0)])
def test_length_falls_off_on_either_side(tokens: int, value: float) -> None:
    ids = list(range(tokens))
    for sampled in (ids, [ids[:3], ids[3:]]):  # of one turn, of two
        found = rewards.REWARDS["length"](
            [""], response_token_ids=[sampled], least=5, most=10, slack=10, solution=["4"]
        )
        assert found == [pytest.approx(value)]


def test_length_counts_words_where_there_are_no_tokens() -> None:
    assert rewards.REWARDS["length"](["a b c", ""], least=1, most=2, slack=2) == [0.5, 0.5]


@pytest.mark.parametrize(
    ("completion", "options", "value"),
    [
        ("", {}, 0),
        ("a b", {}, 0),
        ("one two three four", {}, 0),
        ("a b c a b c", {}, -0.25),
        ("again " * 100, {}, -(1 - 1 / 98)),
        ("Again again AGAIN again", {}, -0.5),
        ("哈哈哈哈哈", {}, 0),
        ("哈哈哈哈哈", {"unit": "char"}, pytest.approx(-2 / 3)),
        ("a b a b", {"n": 2}, pytest.approx(-1 / 3)),
    ],
)
def test_repetition(completion: str, options: dict, value: float) -> None:
    assert rewards.REWARDS["repetition"]([completion], **options) == [value]


SCHEMA = {
    "type": "object",
    "properties": {
        "label": {"enum": ["cat", "dog"]},
        "box": {"type": "array", "items": {"$ref": "#/$defs/side"}, "minItems": 4, "maxItems": 4},
    },
    "required": ["label"],
    "additionalProperties": False,
    "$defs": {"side": {"type": "integer", "minimum": 0}},
}


@pytest.mark.parametrize(
    ("completion", "value"),
    [
        ('{"label": "cat"}', 1),
        ('<think>hm</think><answer>{"label": "dog", "box": [0, 1, 2, 3]}</answer>', 1),
        ('Sure:\n```json\n{"label": "cat"}\n```', 1),
        ('{"label": "cat", "box": [0, 1, 2]}', 0),
        ('{"label": "cat", "box": [0, 1, 2, -3]}', 0),
        ('{"label": "bird"}', 0),
        ('{"label": "cat", "more": 1}', 0),
        ('{"box": []}', 0),
        ('{"label": "cat"', 0),
        ("[" * 100_000, 0),
        ("cat", 0),
        ("", 0),
    ],
)
def test_json_schema(tmp_path: Path, completion: str, value: float) -> None:
    path = tmp_path / "schema.json"
    path.write_text(json.dumps(SCHEMA))
    assert rewards.REWARDS["json_schema"]([completion], file=str(path), solution=[None]) == [value]


SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-3, 3) | st.sampled_from(["", "a", "ab", "1"])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
)
SMALL = st.integers(0, 3)
LEAVES: dict[str, st.SearchStrategy] = {
    "type": st.sampled_from(["null", "boolean", "string", "array", "object", "number", "integer"]),
    "enum": st.lists(VALUES, min_size=1, max_size=3),
    "const": VALUES,
    "required": st.lists(st.sampled_from("abc"), max_size=2, unique=True),
    "uniqueItems": st.booleans(),
    "pattern": st.sampled_from(["^a", "b$", "1"]),
    **dict.fromkeys(("minProperties", "maxProperties", "minItems", "maxItems", "minLength", "maxLength"), SMALL),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), SMALL),
    "$ref": st.just("#/$defs/a"),
}
NESTING = {"properties", "items", "additionalProperties", "anyOf", "oneOf", "allOf", "not"}


def nested(inner: st.SearchStrategy) -> st.SearchStrategy:
    several = st.lists(inner, min_size=1, max_size=3)
    return st.fixed_dictionaries(
        {},
        optional={
            **{name: value for name, value in LEAVES.items() if name != "$ref"},
            "properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
            **dict.fromkeys(("items", "additionalProperties", "not"), inner),
            **dict.fromkeys(("anyOf", "oneOf", "allOf"), several),
        },
    )


SCHEMAS = st.recursive(st.booleans() | st.fixed_dictionaries({}, optional=LEAVES), nested, max_leaves=6)


@given(SCHEMAS, VALUES)
def test_a_schema_means_what_it_means_to_jsonschema(schema: object, value: object) -> None:
    whole = {"$defs": {"a": {"type": "integer"}}, "allOf": [schema]}
    check_schema(whole)
    assert fits(value, whole) == jsonschema.Draft202012Validator(whole).is_valid(value)


def test_the_comparison_above_covers_every_keyword() -> None:
    assert KEYWORDS.keys() == LEAVES.keys() | NESTING


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"type": "object", "patternProperties": {}}', "# uses the keyword patternProperties"),
        (
            '{"properties": {"a": {"anyOf": [{"contains": 1}]}}}',
            "#/properties/a/anyOf/0 uses the keyword contains",
        ),
        ('{"items": 3}', "#/items is no schema but 3"),
        ("[]", "a schema is a JSON object"),
        ("{", "Expecting property name"),
    ],
)
def test_what_cannot_be_checked_by_is_told(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "schema.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=sentence):
        read_schema(str(path))
