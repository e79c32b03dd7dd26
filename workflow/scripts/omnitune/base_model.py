"""The base checkpoint: found or downloaded, checked, described in one manifest."""

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

from omnitune import model_parts, weights
from omnitune.config.model import is_hub_id
from omnitune.errors import ExitCode, PipelineError
from omnitune.publish import MANIFEST, sha256, write_json

VERSION = 2
WEIGHTS = "weights"
# Their keys are tokens, any text at all.
_VOCABULARIES = ("vocab.json", "tokenizer.json", weights.INDEX)
_NEEDED = ("config.json", "preprocessor_config.json", "tokenizer_config.json")


def inspect(source: str, output: Path, *, hub: Literal["huggingface", "modelscope"], revision: str | None) -> None:
    """Write `output/manifest.json`, with a link `output/weights` to the checkpoint's folder.

    Args:
        source: folder, or id on the hub.
        output: folder of the model stage.
        hub, revision: where and what to download when `source` is no folder.

    Raises:
        PipelineError: when it is no whole Qwen3-Omni checkpoint or brings code of its own.
    """
    folder = Path(source).expanduser()
    found = None
    if not folder.is_dir():
        if not is_hub_id(source):
            raise PipelineError(
                f"there is no folder {source}",
                where="model.path",
                fix="Name a folder or a hub id (Qwen/NAME).",
            )
        folder = _download(source, hub, revision)
        found = folder.name  # both hubs name the snapshot's folder by its commit or revision
    config = check(folder)
    tensors = weights.tensors(folder)
    if packed := sorted({tensor.dtype for tensor in tensors.values() if tensor.dtype.startswith("F8")}):
        raise PipelineError(
            f"its weights are quantized ({', '.join(packed)}), which is neither trained nor merged here",
            where=str(folder),
            fix="Take the bfloat16 checkpoint.",
        )
    shapes = model_parts.shapes(tensors)
    files = _hashes(folder, output / ".hashes.json")
    _link(output / WEIGHTS, folder)
    write_json(
        output / MANIFEST,
        {
            "stage": "model",
            "version": VERSION,
            "base": source,
            "revision": revision or found,
            "architecture": config["architectures"][0],
            "has_talker": any(name.startswith("talker.") for name in tensors),
            "parameters": sum(shapes.parameters.values()),
            "parts": shapes.parameters,
            "bytes": sum(file["bytes"] for file in files.values()),
            "dtypes": sorted({tensor.dtype for tensor in tensors.values()}),
            "linear_modules": shapes.linear,
            "experts": shapes.experts,
            "files": files,
        },
    )


def check(folder: Path) -> dict[str, Any]:
    """The checkpoint's config.json, after refusing what is not a whole, code-free Qwen3-Omni."""
    where = str(folder)
    for name in _NEEDED:
        if not (folder / name).is_file():
            raise PipelineError(f"there is no {name}", where=where, fix="Name a whole Qwen3-Omni checkpoint.")
    try:
        config = json.loads((folder / "config.json").read_bytes())
    except ValueError as error:
        raise PipelineError(
            f"config.json is not JSON: {error}", where=where, fix="Copy the checkpoint again."
        ) from None
    if (
        not isinstance(config, dict)
        or config.get("model_type") != "qwen3_omni_moe"
        or not config.get("architectures")
    ):
        kind = config.get("model_type") if isinstance(config, dict) else None
        raise PipelineError(
            f"this is not a Qwen3-Omni checkpoint (model_type {kind})",
            where=where,
            fix="Set model.path to one whose config.json says qwen3_omni_moe.",
        )
    code = sorted(path.name for path in folder.glob("*.py"))
    if code or any(map(_maps_code, folder.glob("*.json"))):
        raise PipelineError(
            f"the checkpoint brings code of its own ({', '.join(code) or 'auto_map'}), which would run on loading",
            where=where,
            fix="Qwen3-Omni needs none: remove it, with the auto_map entries, or take the original checkpoint.",
        )
    return config


def _maps_code(path: Path) -> bool:
    """Whether a JSON file has the key by which transformers finds classes of a checkpoint's own."""
    if path.name in _VOCABULARIES:
        return False
    found = False

    def look(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal found
        found = found or any(key == "auto_map" for key, _ in pairs)
        return dict(pairs)

    try:
        json.loads(path.read_bytes(), object_pairs_hook=look)
    except (ValueError, RecursionError) as error:
        raise PipelineError(
            f"{path.name} is not JSON: {error}", where=str(path.parent), fix="Copy the checkpoint again."
        ) from None
    return found


def _hashes(folder: Path, cache: Path) -> dict[str, dict[str, Any]]:
    """sha256 and size of every file; a file with known path, size and time is not read again."""
    try:
        known = json.loads(cache.read_bytes())
    except (OSError, ValueError):
        known = {}
    fresh, files = {}, {}
    for path in sorted(folder.iterdir()):
        if not path.is_file() or path.name.startswith(".") or path.name == MANIFEST:
            continue
        state = path.stat()
        stamp = f"{path.resolve()} {state.st_size} {state.st_mtime_ns}"
        fresh[stamp] = known.get(stamp) or sha256(path)
        files[path.name] = {"sha256": fresh[stamp], "bytes": state.st_size}
    write_json(cache, fresh)
    return files


def _link(link: Path, target: Path) -> None:
    temporary = link.with_name(f".{link.name}.tmp")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target.resolve(), target_is_directory=True)
    temporary.rename(link)


def _download(name: str, hub: Literal["huggingface", "modelscope"], revision: str | None) -> Path:
    print(f"Downloading {name} from {hub}.", flush=True)
    try:
        if hub == "modelscope":
            from modelscope import snapshot_download

            return Path(snapshot_download(name, revision=revision, ignore_patterns=["*.py"]))
        from huggingface_hub import snapshot_download

        return Path(snapshot_download(name, revision=revision, ignore_patterns=["*.py", "*.pth"]))
    except Exception as error:  # the hubs raise dozens of kinds, and each means: it is not here
        raise PipelineError(
            f"{name} could not be downloaded from {hub}: {_first_line(error)}",
            where="model.path",
            fix="Mend the id, model.hub or the network, log in when it is gated, or name a local folder.",
            code=ExitCode.CONFIG,
        ) from None


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


def weights_digest(folder: Path) -> str | None:
    """What tells a model's weights from all others: a digest over the hashes in its manifest; None without one.

    Args:
        folder: a model stage's `weights`, or the folder of a merged model.
    """
    path = (folder.parent if folder.name == WEIGHTS else folder) / MANIFEST
    if not path.is_file():
        return None
    files = json.loads(path.read_bytes())["files"]
    sums = {name: file["sha256"] for name, file in files.items() if name.endswith(".safetensors")}
    return hashlib.sha256(json.dumps(sums, sort_keys=True).encode()).hexdigest()


def folder_of(output: Path) -> Path:
    """The checkpoint's folder: the link that a model stage left, or, of a merged model, the folder itself.

    Raises:
        PipelineError: the link is broken.
    """
    link = output / WEIGHTS
    if not link.is_symlink() and (output / "config.json").is_file():
        return output
    if not link.is_dir():
        target = link.readlink() if link.is_symlink() else "nothing"
        raise PipelineError(
            f"it leads to {target}, which is gone",
            where=str(link),
            fix=f"Delete {output / MANIFEST} and run again.",
        )
    return link
