"""The sizes of a base that memory depends on, from its config.json or, before it is there, as published."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from omnitune.fit.tower_layers import linear_layers
from omnitune.model_parts import EXPERTS


@dataclass(frozen=True)
class Shape:
    """A Qwen3-Omni's sizes.

    Attributes:
        parameters: of each group (model_parts.GROUPS); the text model's embeddings are among its own.
        features: sum of in + out features over what LoRA adapts of each group, and of the experts
            (model_parts.EXPERTS): an adapter of rank r has r times as many parameters.
        active: parameters that one token passes through.
        experts: parameters of one layer's experts.
        rest: talker and code2wav, which are on disk and never on a GPU.
    """

    parameters: Mapping[str, float]
    features: Mapping[str, int]
    active: float
    experts: float
    layers: int
    hidden: int
    vocabulary: int
    kv_width: int
    rest: float = 0.0

    @property
    def text(self) -> float:
        """Parameters of the text model."""
        return self.parameters["llm"]

    @property
    def thinker(self) -> float:
        """Parameters that are loaded: text model and towers."""
        return sum(self.parameters.values())

    @property
    def layer(self) -> float:
        """Parameters of one layer of the text model."""
        return (self.text - 2 * self.vocabulary * self.hidden) / self.layers

    def trained(self, tuner: Literal["lora", "full"], rank: int, opened: Iterable[str], experts: bool) -> float:
        """Parameters that get a gradient.

        Args:
            rank, experts: of an adapter, and whether it reaches the experts.
            opened: the groups that are not frozen.
        """
        if tuner == "full":
            return sum(self.parameters[group] for group in opened)
        return float(rank * sum(self.features[group] for group in [*opened, *([EXPERTS] if experts else [])]))


# Qwen3-Omni-30B-A3B: its config.json, and 70.5 GB of bfloat16 on the hub.
PUBLISHED_TEXT = {
    "hidden_size": 2048, "num_hidden_layers": 48, "vocab_size": 152064, "num_attention_heads": 32,
    "num_key_value_heads": 4, "head_dim": 128, "num_experts": 128, "num_experts_per_tok": 8,
    "moe_intermediate_size": 768,
}  # fmt: skip
PUBLISHED = {
    "text_config": PUBLISHED_TEXT,
    "vision_config": {
        "depth": 27, "hidden_size": 1152, "intermediate_size": 4304, "out_hidden_size": 2048,
        "spatial_merge_size": 2, "deepstack_visual_indexes": [8, 16, 24],
    },
    "audio_config": {
        "encoder_layers": 32, "d_model": 1280, "encoder_ffn_dim": 5120, "output_dim": 2048,
        "downsample_hidden_size": 480, "num_mel_bins": 128,
    },
}  # fmt: skip
_PUBLISHED_NAME = re.compile(r"(^|/)Qwen3-Omni-30B-A3B", re.IGNORECASE)
_PUBLISHED_REST = 3.5e9


def shape_of(model: str) -> Shape | None:
    """The sizes of `model.path`; None where they cannot be known, and then nothing is said."""
    config = Path(model).expanduser() / "config.json"
    try:
        thinker = json.loads(config.read_bytes())["thinker_config"]
        return measured(thinker)
    except OSError:
        known = _PUBLISHED_NAME.search(model)
        return measured(PUBLISHED, _PUBLISHED_REST) if known else None
    except (ValueError, LookupError, TypeError):  # the model stage tells what is wrong with it
        return None


def measured(thinker: Mapping[str, Any], rest: float = 0.0) -> Shape:
    """The sizes that the thinker's part of a config.json means."""
    # Of the towers a config.json may leave out what is as published.
    towers = linear_layers({name: PUBLISHED[name] | thinker[name] for name in ("vision_config", "audio_config")})
    text = thinker["text_config"]
    hidden, layers, vocabulary = text["hidden_size"], text["num_hidden_layers"], text["vocab_size"]
    queries = text["num_attention_heads"] * text["head_dim"]
    keys = text["num_key_value_heads"] * text["head_dim"]
    attention = hidden * (2 * queries + 2 * keys)
    inner = text["moe_intermediate_size"]
    expert = 3 * hidden * inner
    router = hidden * text["num_experts"]
    embeddings = 2 * vocabulary * hidden
    return Shape(
        parameters={
            "llm": embeddings + layers * (attention + router + text["num_experts"] * expert),
            **{group: float(sum(out * of for out, of in layers)) for group, layers in towers.items()},
        },
        features={
            "llm": layers * 2 * ((hidden + queries) + (hidden + keys)),
            # Gate and up are one matrix.
            EXPERTS: layers * text["num_experts"] * ((hidden + 2 * inner) + (inner + hidden)),
            **{group: sum(map(sum, layers)) for group, layers in towers.items()},
        },
        active=embeddings / 2 + layers * (attention + router + text["num_experts_per_tok"] * expert),
        experts=float(text["num_experts"] * expert),
        layers=layers,
        hidden=hidden,
        vocabulary=vocabulary,
        kv_width=keys,
        rest=rest,
    )
