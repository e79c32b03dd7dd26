"""The sizes of a base that memory depends on, from its config.json or, before it is there, as published."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Shape:
    """A Qwen3-Omni's sizes.

    Attributes:
        text: parameters of the text model, embeddings included.
        towers: those of the vision and the audio tower, with their projections.
        attention: sum of in + out features over the attention's linear layers: LoRA of rank r has r times as many.
        active: parameters that one token passes through.
        rest: talker and code2wav, which are on disk and never on a GPU.
    """

    text: float
    towers: float
    attention: int
    active: float
    layers: int
    hidden: int
    vocabulary: int
    kv_width: int
    rest: float = 0.0

    @property
    def thinker(self) -> float:
        """Parameters that are loaded: text model and towers."""
        return self.text + self.towers

    @property
    def layer(self) -> float:
        """Parameters of one layer of the text model."""
        return (self.text - 2 * self.vocabulary * self.hidden) / self.layers


# Qwen3-Omni-30B-A3B: its config.json, and 70.5 GB of bfloat16 on the hub.
PUBLISHED = {
    "hidden_size": 2048, "num_hidden_layers": 48, "vocab_size": 152064, "num_attention_heads": 32,
    "num_key_value_heads": 4, "head_dim": 128, "num_experts": 128, "num_experts_per_tok": 8,
    "moe_intermediate_size": 768,
}  # fmt: skip
_PUBLISHED_NAME = re.compile(r"(^|/)Qwen3-Omni-30B-A3B", re.IGNORECASE)
_PUBLISHED_TOWERS, _PUBLISHED_REST = 1.17e9, 3.5e9


def shape_of(model: str) -> Shape | None:
    """The sizes of `model.path`; None where they cannot be known, and then nothing is said."""
    config = Path(model).expanduser() / "config.json"
    try:
        thinker = json.loads(config.read_bytes())["thinker_config"]
        return _shape(thinker["text_config"], _towers(thinker), rest=0.0)
    except OSError:
        known = _PUBLISHED_NAME.search(model)
        return _shape(PUBLISHED, _PUBLISHED_TOWERS, _PUBLISHED_REST) if known else None
    except (ValueError, LookupError, TypeError):  # the model stage tells what is wrong with it
        return None


def _shape(text: Mapping[str, Any], towers: float, rest: float) -> Shape:
    hidden, layers, vocabulary = text["hidden_size"], text["num_hidden_layers"], text["vocab_size"]
    queries = text["num_attention_heads"] * text["head_dim"]
    keys = text["num_key_value_heads"] * text["head_dim"]
    attention = hidden * (2 * queries + 2 * keys)
    expert = 3 * hidden * text["moe_intermediate_size"]
    router = hidden * text["num_experts"]
    embeddings = 2 * vocabulary * hidden
    return Shape(
        text=embeddings + layers * (attention + router + text["num_experts"] * expert),
        towers=towers,
        attention=layers * 2 * ((hidden + queries) + (hidden + keys)),
        active=embeddings / 2 + layers * (attention + router + text["num_experts_per_tok"] * expert),
        layers=layers,
        hidden=hidden,
        vocabulary=vocabulary,
        kv_width=keys,
        rest=rest,
    )


def _towers(thinker: Mapping[str, Any]) -> float:
    """Both towers' layers: four projections of attention and two of the feed-forward part each."""
    vision, audio = thinker["vision_config"], thinker["audio_config"]
    return float(
        vision["depth"]
        * (4 * vision["hidden_size"] ** 2 + 2 * vision["hidden_size"] * vision["intermediate_size"])
        + audio["encoder_layers"] * (4 * audio["d_model"] ** 2 + 2 * audio["d_model"] * audio["encoder_ffn_dim"])
    )
