"""What is published of a checkpoint: the model, its losses, samples of completions; not what a resume needs."""

import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omnitune import artifact, completions
from omnitune.publish import open_atomic, staging
from omnitune.runkey import RunKey

LOG = "training_log.jsonl"
_SETS = ("target_modules", "target_parameters")  # peft writes them down in another order each time
_OF_MACHINE = re.compile(r"time|speed|per_second|memory")
# What belongs to a resumed run, not to a model; training_args.bin is a pickle besides.
_NOT_PUBLISHED = ("optimizer", "scheduler", "rng_state", "training_args", "trainer_state", "global_step", "latest",
                  "zero_to_", "SEAL", "args.json", "README.md", "scaler", "replacements")  # fmt: skip


def publish(
    checkpoint: Path, output: Path, key: RunKey, facts: Mapping[str, Any], log: Sequence[Mapping[str, Any]]
) -> None:
    """Put the checkpoint's model in the place of `output`.

    Args:
        checkpoint: a sound checkpoint folder.
        output: where the model is seen.
        key: what it depends on.
        facts: of its manifest; `base` is the folder of the model that it was trained from.
        log: the losses, as `training_log.read` gives them.
    """
    with staging(output) as folder:
        for path in sorted(checkpoint.iterdir()):
            if path.is_file() and not path.name.startswith(_NOT_PUBLISHED):
                _copy(path, folder / path.name, facts["base"])
        with open_atomic(folder / LOG) as file:
            for record in log:
                # Times and speeds belong to the machine, not to the model.
                kept = {name: value for name, value in record.items() if not _OF_MACHINE.search(name)}
                file.write(json.dumps(kept, ensure_ascii=False).encode() + b"\n")
        if (logged := checkpoint.parent / completions.LOGGED).is_file():
            completions.keep(logged, folder / completions.FILE, facts["settings"]["reward_funcs"])
        artifact.publish(folder, output, key, facts)


def _copy(source: Path, target: Path, base: str) -> None:
    if source.name == "adapter_config.json":
        # peft notes the absolute path of the base; ours is where the run's base is, seen from the project.
        config = json.loads(source.read_bytes()) | {"base_model_name_or_path": base}
        for key in _SETS:
            if isinstance(config.get(key), list):
                config[key].sort()
        target.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    elif source.name.endswith(".safetensors"):
        try:
            os.link(source, target)  # the same bytes, no second copy of 60 GB
        except OSError:  # another file system, or one without hard links
            shutil.copyfile(source, target)
    else:
        shutil.copyfile(source, target)
