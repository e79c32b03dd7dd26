"""The tiny model as ms-swift loads it, for tests in its environment."""

import os
from pathlib import Path
from typing import Any


def load(folder: Path) -> tuple[Any, Any]:
    """(model, template), in float32 on the CPU."""
    os.environ["ENABLE_AUDIO_OUTPUT"] = "0"
    import torch
    from swift.model import get_model_processor
    from swift.template import get_template

    model, processor = get_model_processor(
        str(folder), model_type="qwen3_omni_moe", torch_dtype=torch.float32, device_map="cpu"
    )
    return model, get_template(processor, template_type="qwen3_omni")
