"""The reference page and the schema say what the models say."""

import json
from collections.abc import Iterator

import pytest
from pydantic import BaseModel

from omnitune import recipes
from omnitune.config import describe
from omnitune.config.grpo import GrpoConfig
from omnitune.config.run import Config
from omnitune.config.sft import SftConfig
from omnitune.environments import ROOT
from omnitune.validation import describe as codes


def sections(model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    for name, field in model.model_fields.items():
        inner, _ = (
            describe.model_in(field.annotation)
            if hasattr(describe, "model_in")
            else describe._model_in(field.annotation)
        )
        if inner:
            yield field.alias or name, inner
            yield from sections(inner)


def test_every_key_is_on_the_page_with_a_meaning():
    page = describe.markdown()
    for name, model in [("", Config), *sections(Config)]:
        for key, field in model.model_fields.items():
            assert field.description, f"{name}.{key} has no description"
            assert field.description.endswith("."), f"{name}.{key}: {field.description}"
            line = f"{field.alias or key}` | "
            assert line in page, f"{name}.{key}"
            assert field.description in page


@pytest.mark.parametrize(
    "line",
    [
        '| `sft.tuner` | `lora`, `full` | `"lora"` |',
        "| `sft.lora.rank` | whole number | `8` |",
        "| `sources.NAME.path` | text | required |",
        "| `validate` | section | below |",
        "| `model.revision` | text or null | `null` |",
        '| `media.roots` | list of text | `["data"]` |',
        "| `sft.learning_rate` | 0.0001 | 1e-05 |",
    ],
)
def test_a_row_has_kind_and_default(line: str):
    assert line in describe.markdown()


def test_no_name_of_our_code_is_on_the_page():
    for word in ("validate_", "Config", "pydantic", "PydanticUndefined", "NoneType", "typing."):
        assert word not in describe.markdown()


def test_the_recipe_tables_fill_keys_that_exist_and_only_what_may_be_unset():
    tables = [*recipes.OBJECTIVE.items(), *recipes.SEED.items(), (("sft",), recipes.CPU), (("grpo",), recipes.CPU)]
    for (stage, *_), table in tables:
        fields = {"sft": SftConfig, "grpo": GrpoConfig}[stage].model_fields
        known = {name for name, field in fields.items() if field.default is None}
        assert {name for name in table if name in fields or stage == "sft"} <= known


def test_the_schema_is_strict_and_uses_the_keys_of_the_file():
    schema = json.loads(describe.schema())
    assert schema["additionalProperties"] is False
    assert "validate" in schema["properties"]
    assert all(part["additionalProperties"] is False for part in schema["$defs"].values())


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("config/README.md", describe.markdown),
        ("config/schema.json", describe.schema),
        ("docs/codes.md", codes.markdown),
    ],
)
def test_the_written_files_are_current(name: str, text):
    assert (ROOT / name).read_text(encoding="utf-8") == text(), "run: make docs"
