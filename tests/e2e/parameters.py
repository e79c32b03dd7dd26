"""What trains, as a trainer told it, and as the base and the published adapter have it."""

import re

from demo_run import Demo

from omnitune import model_parts, trainable, weights


def told(demo: Demo, log: str) -> dict[str, int]:
    """Parameters by part, by ms-swift's log of a training."""
    table = demo.path(log).read_text().partition("Trainable parameters:\n")[2].partition("  in all")[0]
    return {name: int(number.replace(",", "")) for name, number in re.findall(r"^  (.+?) +([\d,]+)$", table, re.M)}


def of_text_model(demo: Demo) -> dict[str, int]:
    """All of the text model's."""
    parts = demo.json("results/demo/model/manifest.json")["parts"]
    return {name: number for name, number in parts.items() if model_parts.group(name) == "llm"}


def of_adapter(demo: Demo, model: str) -> dict[str, int]:
    """Those that a published adapter holds."""
    tensors = weights.header(demo.path(f"{model}/adapter_model.safetensors"))
    return trainable.found((name, tensor.shape) for name, tensor in tensors.items())
