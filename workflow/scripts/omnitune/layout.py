"""Whether a checkpoint folder has the names that its readers look for: vLLM's Qwen3-Omni loader above all.

vLLM takes `thinker.*`, leaves `talker.*` and `code2wav.*` out, and fuses the experts itself from one tensor each
(`mlp.experts.17.gate_proj.weight`). A name it does not find ends its start, or leaves a layer random.
"""

import json
from pathlib import Path
from typing import Any

from omnitune import weights
from omnitune.errors import PipelineError

ARCHITECTURE = "Qwen3OmniMoeForConditionalGeneration"
_PREFIXES = ("thinker.", "talker.", "code2wav.")
_ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj", "q_norm", "k_norm")
_MATRICES = ("gate_proj", "up_proj", "down_proj")


def check(folder: Path) -> None:
    """Refuse a folder that would not load.

    Raises:
        PipelineError: naming what is missing or odd.
    """
    config = json.loads((folder / "config.json").read_bytes())
    if config.get("architectures") != [ARCHITECTURE]:
        raise _odd(folder, f"config.json names the architecture {config.get('architectures')}")
    names = weights.tensors(folder).keys()
    if foreign := sorted(name for name in names if not name.startswith(_PREFIXES)):
        raise _odd(folder, f"there is a tensor {foreign[0]}")
    text = config["thinker_config"]["text_config"]
    if missing := sorted(_of_text_model(text) - names):
        raise _odd(folder, f"{len(missing)} tensors are missing, first {missing[0]}")
    for tower in ("thinker.visual.", "thinker.audio_tower."):
        if not any(name.startswith(tower) for name in names):
            raise _odd(folder, f"there are no tensors {tower}*")


def _of_text_model(text: dict[str, Any]) -> set[str]:
    """The tensors of the text model that config.json promises."""
    names = {"thinker.model.embed_tokens.weight", "thinker.model.norm.weight"}
    if not text.get("tie_word_embeddings"):
        names.add("thinker.lm_head.weight")
    for number in range(text["num_hidden_layers"]):
        layer = f"thinker.model.layers.{number}"
        names |= {f"{layer}.{name}.weight" for name in ("input_layernorm", "post_attention_layernorm")}
        names |= {f"{layer}.self_attn.{name}.weight" for name in _ATTENTION}
        if number in text.get("mlp_only_layers", []) or (number + 1) % text.get("decoder_sparse_step", 1):
            names |= {f"{layer}.mlp.{name}.weight" for name in _MATRICES}
            continue
        names.add(f"{layer}.mlp.gate.weight")
        for expert in range(text["num_experts"]):
            names |= {f"{layer}.mlp.experts.{expert}.{name}.weight" for name in _MATRICES}
    return names


def _odd(folder: Path, what: str) -> PipelineError:
    return PipelineError(
        f"{what}, so that vLLM and transformers would not load it",
        where=str(folder),
        fix="Set model.path to the checkpoint as it was published.",
    )
