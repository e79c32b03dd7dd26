"""Which flash attention an environment has, found by importing it: rows without padding need one.

Runs in the swift environment. That a package is installed proves little: built for another torch, or with a part
missing, it fails at the first step of a training.
"""

import importlib
from collections.abc import Iterator
from importlib.metadata import packages_distributions

from omnitune.config.sft import SftConfig
from omnitune.errors import PipelineError

# ms-swift's name -> distribution, module, function. Versions 2 and 4 share a module's name.
FLASH = {
    "flash_attention_3": ("flash-attn-3", "flash_attn_interface", "flash_attn_varlen_func"),
    "flash_attention_2": ("flash-attn", "flash_attn", "flash_attn_varlen_func"),
    "flash_attention_4": ("flash-attn-4", "flash_attn.cute", "flash_attn_varlen_func"),
}
_OLD_NAME = {"flash_attn": "flash_attention_2"}


def choose(settings: SftConfig) -> str | None:
    """The implementation by which this training does without padding; None when it pads.

    Raises:
        PipelineError: rows without padding are asked for, and the environment cannot.
    """
    wanted = settings.swift.get("attn_impl")
    asked = next((name for name in ("packing", "padding_free") if getattr(settings, name) is True), None)
    if asked is None and settings.padding_free != "auto":
        return None
    failures = dict(_failures())
    for name in [_OLD_NAME.get(wanted, wanted)] if wanted else FLASH:
        if failures.get(name, "") is None:
            return name
    if asked is None:
        return None
    reasons = "; ".join(f"{name}: {why}" for name, why in failures.items() if why and wanted in (None, name))
    raise PipelineError(
        f"it needs a flash attention implementation, and the swift environment has none that loads ({reasons})",
        where=f"sft.{asked}",
        fix="Remove it, or name an environment with one in envs.swift; sft.group_by_length saves most of the "
        "padding too.",
    )


def _failures() -> Iterator[tuple[str, str | None]]:
    """Of each implementation why it cannot be used; None when it can."""
    installed = {name.replace("_", "-") for names in packages_distributions().values() for name in names}
    for name, (distribution, module, function) in FLASH.items():
        if distribution not in installed:
            yield name, "not installed"
            continue
        try:
            getattr(importlib.import_module(module), function)
            yield name, None
        except Exception as error:  # whatever a broken binary raises on loading
            yield name, f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
