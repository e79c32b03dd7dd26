"""README.md of a final model: what it was made of and how, a stub for its author to go on from."""

from collections.abc import Mapping
from typing import Any

_HEAD = """---
base_model: {base}
library_name: transformers
tags: [omnitune, ms-swift, qwen3-omni]
---

# A model tuned from {base}

Made by omnitune. Write here what it is for, what it must not be used for, and how it was evaluated; the page
`report.html` of the run has the figures.

- **Licence.** The base's licence holds for this model too, and so do the terms of the data. State your own here.
- **Speech.** Only the text side (thinker) was tuned. Talker and code2wav, where the base has them, are the base's,
  bit for bit.
"""


def name_of(base: Mapping[str, Any]) -> str:
    """The base by its id on the hub, or by the last part of a folder's path: a card tells no path of a machine.

    Args:
        base: manifest of a model stage, or of a final model, which has kept the name.
    """
    if known := base.get("base_model"):
        return str(known)
    path = str(base["base"])
    is_folder = path.startswith(("/", ".", "~", "results/")) or path.count("/") != 1
    return path.rstrip("/").rpartition("/")[2] if is_folder else path


def card(base: str, trained: Mapping[str, Any], data: Mapping[str, Any] | None) -> str:
    """The whole file, without time, host or path.

    Args:
        base: name of the base.
        trained: manifest of the training.
        data: manifest of the split; None of a training on rows of another origin.
    """
    parts = [_HEAD.format(base=base), f"\n## Training\n\n{_training(trained)}"]
    if data:
        parts.append(f"\n## Data\n\n{_data(data)}")
    settings = {name: value for name, value in trained.get("settings", {}).items() if _is_plain(value)}
    parts.append(
        f"\n## Settings\n\nms-swift's arguments.\n\n{_table(('argument', 'value'), sorted(settings.items()))}"
    )
    parts.append(f"\n## Versions\n\n{_table(('package', 'version'), sorted(trained.get('versions', {}).items()))}")
    return "".join(parts)


def _training(trained: Mapping[str, Any]) -> str:
    facts = [
        ("stage", trained.get("stage")),
        ("tuner", trained.get("tuner")),
        ("steps", trained.get("global_step")),
        ("mean loss", trained.get("train_loss")),
        ("trainable parameters", trained.get("trainable_parameters")),
    ]
    return _table(("", ""), [(name, value) for name, value in facts if value is not None])


def _data(data: Mapping[str, Any]) -> str:
    parts = [
        name for name in ("train", "val", "grpo") if any(source.get(name) for source in data["sources"].values())
    ]
    rows = [(name, *(source.get(part, 0) for part in parts)) for name, source in sorted(data["sources"].items())]
    return _table(("source", *(f"{part} rows" for part in parts)), rows)


def _is_plain(value: Any) -> bool:
    """A number or word; lists of layers and paths are left out."""
    return not isinstance(value, list | dict) and "/" not in str(value)


def _table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)
