"""The config's reference page and JSON schema, printed from the models so that they cannot differ from them."""

import json
from collections.abc import Iterator, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from omnitune import recipes
from omnitune.config.rewards import OPTIONS
from omnitune.config.run import Config
from omnitune.config.sentences import model_in
from omnitune.config.sft import SftConfig

_HEAD = """# The config

`config/config.yaml` holds what you must decide. `--configfile FILE` reads that file in its place; several files
are laid over each other, key by key. `config/examples/` has some. A key that is not listed here is refused.

This page is written by `make docs` from `workflow/scripts/omnitune/config/`; `schema.json` beside it serves
editors: `# yaml-language-server: $schema=schema.json`.
"""


def markdown() -> str:
    """The reference page."""
    return "\n".join([_HEAD, *_table("", Config), *_sections(Config), *_recipes()]) + "\n"


def schema() -> str:
    """The JSON schema, for editors that complete and check YAML."""
    return json.dumps(Config.model_json_schema(by_alias=True), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _sections(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        inner, is_mapping = model_in(field.annotation)
        if inner:
            key += ".NAME" if is_mapping else ""
            yield f"\n## {key}\n\n{inner.__doc__}\n"
            yield from _table(f"{key}.", inner)
            if key == "grpo.rewards.NAME":
                for reward, options in OPTIONS.items():
                    yield from list(_table(f"grpo.rewards.{reward}.", options))[1:]
            if key != "demo":  # its pretrain section is sft's
                yield from _sections(inner, f"{key}.")


def _table(prefix: str, model: type[BaseModel]) -> Iterator[str]:
    yield "| key | value | default | meaning |\n| --- | --- | --- | --- |"
    for name, field in model.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        yield f"| `{key}` | {_kind(field.annotation)} | {_default(field)} | {field.description} |"


def _kind(annotation: Any) -> str:
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _kind(args[0])
    if origin is Literal:
        return ", ".join(f"`{arg}`" for arg in args)
    if origin in (UnionType, Union):
        return " or ".join(_kind(arg) for arg in args)
    if origin is list:
        return f"list of {_kind(args[0])}"
    if origin is dict:
        return "map"
    names = {str: "text", int: "whole number", float: "number", bool: "true, false", NoneType: "null"}
    return names.get(annotation, "section")


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "required"
    if isinstance(field.default, BaseModel):
        return "below"
    return f"`{json.dumps(field.default)}`"


def _recipes() -> Iterator[str]:
    sft: dict[str, recipes.Key] = {"lora": ("sft", "lora"), "full": ("sft", "full")}
    yield "\n## What an unset key of sft is\n\nThe objective, in both recipes:\n"
    yield from _recipe_table("sft", recipes.OBJECTIVE, sft)
    yield "\n`recipe: seed` adds the scripts' batch settings:\n"
    yield from _recipe_table("sft", recipes.SEED, sft)
    yield (
        "\n`recipe: fast` has `sft.dataloader_workers` "
        f"{recipes.FAST_WORKERS}, `sft.padding_free` auto, and of the shapes that fit the memory and divide the "
        "effective batch the fastest. What fits is an estimate for the 30B model with frozen towers and rows of "
        "`sft.max_length`; so is this table, for the scripts' numbers of GPUs:\n"
    )
    yield from _fast_table()
    yield "\nWith `device: cpu`: " + ", ".join(
        f"`{name}` {json.dumps(value)}" for name, value in recipes.CPU.items()
    )
    grpo: dict[str, recipes.Key] = {
        "lora": ("grpo", "lora", "transformers"),
        "full": ("grpo", "full", "transformers"),
        "lora, vLLM": ("grpo", "lora", "colocate"),
        "full, vLLM": ("grpo", "full", "colocate"),
    }
    yield (
        "\n## What an unset key of grpo is\n\nBy tuner and rollout (vLLM: colocate or server); "
        "`effective_batch` counts completions. "
        "In both recipes:\n"
    )
    yield from _recipe_table("grpo", recipes.OBJECTIVE, grpo)
    yield "\n`recipe: seed` adds:\n"
    yield from _recipe_table("grpo", recipes.SEED, grpo)
    yield (
        f"\n`recipe: fast` has `grpo.dataloader_workers` {recipes.FAST_WORKERS}, `grpo.gradient_checkpointing` "
        "true and a micro-batch of "
        + ", ".join(f"{micro} from {least} GiB" for least, micro in recipes.FAST_GRPO)
        + ", where it divides the effective batch."
    )


def _recipe_table(
    stage: str, table: Mapping[recipes.Key, dict[str, Any]], keys: Mapping[str, recipes.Key]
) -> Iterator[str]:
    yield f"| key | {' | '.join(keys)} |\n| --- |{' --- |' * len(keys)}"
    columns = [table[key] for key in keys.values()]
    for name in columns[0]:
        cells = " | ".join(json.dumps(column[name]) for column in columns)
        yield f"| `{stage}.{name}` | {cells} |"


def _fast_table() -> Iterator[str]:
    yield (
        "| tuner | GPU memory | max_length | micro_batch | gradient_checkpointing |\n"
        "| --- | --- | --- | --- | --- |"
    )
    tuners: dict[str, dict[str, Any]] = {
        "lora": {"tuner": "lora"},
        "lora with experts": {"tuner": "lora", "lora": {"experts": True, "dropout": 0}},
        "full": {"tuner": "full"},
    }
    for name, keys in tuners.items():
        for memory in (80, 141):
            for length in (1024, 2048, 4096):
                sft = SftConfig.model_validate({**keys, "max_length": length})
                filled = recipes.fill_sft(sft, recipe="fast", gpu_memory_gib=memory, device="cuda")
                shape = f"{filled.micro_batch} | {json.dumps(filled.gradient_checkpointing)}"
                yield f"| {name} | {memory} GiB | {length} | {shape} |"
