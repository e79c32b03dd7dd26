"""What ms-swift does with media and rows, for benchmarks: run in the swift environment.

{swift python} swift_peers.py load MODEL      lines of JSON [kind, paths] in; seconds of the processor out
{swift python} swift_peers.py lengths FOLDER  the cached dataset's rows out: [[texts, length], ...]
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any


def load(model: str) -> None:
    """Time the work that ms-swift does on a medium before its tokens can be counted."""
    works = _works(model)
    for line in sys.stdin:
        kind, paths = json.loads(line)
        start = time.process_time()
        for path in paths:
            works[kind](path)
        print(json.dumps(time.process_time() - start), flush=True)


def _works(model: str) -> dict[str, Callable[[str], Any]]:
    import torch
    from swift.model import get_model_processor
    from swift.template.vision_utils import load_audio, load_image

    torch.set_num_threads(1)
    _, processor = get_model_processor(model, load_model=False, model_type="qwen3_omni_moe")

    def encode(path: str) -> Any:
        return processor.image_processor(images=[load_image(path)], return_tensors="pt")

    return {"audio": lambda path: load_audio(path, 16000), "image": encode}


def lengths(folder: str) -> None:
    """Print the lengths of a cached dataset with the texts of each row, which tell which row it is."""
    from datasets import load_from_disk

    rows = load_from_disk(folder)
    found = []
    for row in rows:
        texts = [turn["content"] for turn in row["messages"]]
        found.append([texts, sum(row["lengths"])])
    print(json.dumps(found))


if __name__ == "__main__":
    {"load": load, "lengths": lengths}[sys.argv[1]](sys.argv[2])
