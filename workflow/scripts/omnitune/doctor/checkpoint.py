"""Whether the base checkpoint is at hand: its folder, or the hub's cache. The hub itself is not asked."""

import os
from collections.abc import Iterator
from pathlib import Path

from omnitune import weights
from omnitune.doctor.check import Check
from omnitune.doctor.wants import Wants
from omnitune.errors import PipelineError


def check_model(wants: Wants) -> Iterator[Check]:
    """The config's model.path; nothing when there is no config."""
    if wants.model is None:
        return
    folder = Path(wants.model).expanduser()
    if wants.model.startswith("results/"):
        yield Check("model", "ok", f"{wants.model} is made by the run itself")
    elif folder.is_dir():
        try:
            _check(folder)
        except PipelineError as error:
            yield Check("model", "lacking", f"{error.where}: {error.what}", error.fix)
        else:
            yield Check("model", "ok", f"{folder} ({wants.base_gb:.1f} GB)")
    elif snapshot := cached(wants.model, wants.hub):
        yield Check("model", "ok", f"{wants.model} lies in {snapshot}")
    else:
        found = f"{wants.model} is not whole in {hub_cache(wants.hub)}"
        fix = f"The run downloads it ({wants.base_gb:.0f} GB); without a network, set model.path to a folder."
        yield Check("model", "warning", found, fix)


def to_download(wants: Wants) -> bool:
    """Whether the run will fetch the checkpoint; without a config it is taken to."""
    if wants.model is None:
        return True
    local = wants.model.startswith("results/") or Path(wants.model).expanduser().is_dir()
    return not local and cached(wants.model, wants.hub) is None


def hub_cache(hub: str) -> Path:
    """Where the hub's own library keeps its downloads."""
    environment = os.environ
    caches = Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    if hub == "modelscope":  # it does not ask XDG_CACHE_HOME
        chosen = environment.get("MODELSCOPE_CACHE") or Path.home() / ".cache" / "modelscope" / "hub"
    else:
        home = Path(environment.get("HF_HOME") or caches / "huggingface")
        chosen = environment.get("HF_HUB_CACHE") or home / "hub"
    return Path(chosen).expanduser()


def cached(name: str, hub: str) -> Path | None:
    """The folder of a whole snapshot of the model in the hub's cache, if there is one."""
    cache = hub_cache(hub)
    if hub == "modelscope":
        # It writes dots as three underscores; MODELSCOPE_CACHE has held models with and without a folder for them.
        names = (name.replace(".", "___"), name)
        places = [base / each for base in (cache / "models", cache) for each in names]
    else:
        places = sorted((cache / f"models--{name.replace('/', '--')}" / "snapshots").glob("*"))
    return next((place for place in places if _is_whole(place)), None)


def _is_whole(folder: Path) -> bool:
    try:
        _check(folder)
    except (PipelineError, OSError):
        return False
    return True


def _check(folder: Path) -> None:
    """Refuse what is no Qwen3-Omni, and a folder without every weight file that its index names."""
    from omnitune import base_model  # brings the whole config with it

    base_model.check(folder)
    weights.shards(folder)
