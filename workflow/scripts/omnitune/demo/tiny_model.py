"""A random Qwen3-Omni of about one million parameters, as a folder that looks like the real repository's."""

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from omnitune.demo.files import write_json
from omnitune.demo.tiny_config import omni_config
from omnitune.demo.tokenizer import SPECIAL, write_tokenizer

if TYPE_CHECKING:
    from torch.nn import Module

TEXT_SPREAD = 0.08  # standard deviation of the decoder layers' weights
SHARD = "1MB"  # several weight files and an index, like the real model's fifteen

CHAT_TEMPLATE = (
    "{%- macro show(content) %}"
    "{%- if content is string %}{{ content }}{%- else %}{%- for part in content %}"
    "{%- if 'image' in part.type %}{{ '<|vision_start|><|image_pad|><|vision_end|>' }}"
    "{%- elif 'video' in part.type %}{{ '<|vision_start|><|video_pad|><|vision_end|>' }}"
    "{%- elif 'audio' in part.type %}{{ '<|audio_start|><|audio_pad|><|audio_end|>' }}"
    "{%- else %}{{ part.text }}{%- endif %}"
    "{%- endfor %}{%- endif %}"
    "{%- endmacro %}"
    "{%- for message in messages %}"
    "{{ '<|im_start|>' + message.role + '\\n' }}{{ show(message.content) }}{{ '<|im_end|>\\n' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{%- endif %}"
)

PREPROCESSOR = {
    "dither": 0.0,
    "feature_extractor_type": "WhisperFeatureExtractor",
    "feature_size": 128,
    "hop_length": 160,
    "image_mean": [0.5, 0.5, 0.5],
    "image_processor_type": "Qwen2VLImageProcessor",
    "image_std": [0.5, 0.5, 0.5],
    "max_pixels": 12845056,
    "merge_size": 2,
    "min_pixels": 3136,
    "n_fft": 400,
    "n_samples": 4800000,
    "nb_max_frames": 30000,
    "padding_side": "right",
    "padding_value": 0.0,
    "patch_size": 16,
    "processor_class": "Qwen3OmniMoeProcessor",
    "return_attention_mask": True,
    "sampling_rate": 16000,
    "temporal_patch_size": 2,
}


def write_model(folder: Path, seed: int) -> None:
    """Write the model; the folder appears, or is replaced, when everything in it is complete."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as scratch:
        new, old = Path(scratch, "new"), Path(scratch, "old")
        write_tokenizer(new)
        write_json(new / "preprocessor_config.json", PREPROCESSOR)
        write_json(new / "chat_template.json", {"chat_template": CHAT_TEMPLATE})
        write_weights(new, seed)
        with contextlib.suppress(FileNotFoundError):
            folder.rename(old)
        new.rename(folder)


def write_weights(folder: Path, seed: int) -> None:
    """Write the configuration and random weights for the tokenizer that lies in the folder."""
    import torch
    from transformers import AutoTokenizer, GenerationConfig, Qwen3OmniMoeForConditionalGeneration

    tokenizer = AutoTokenizer.from_pretrained(folder)
    vocabulary = tokenizer.get_vocab()
    ids = {name: vocabulary[name] for name in SPECIAL}
    roles = {role: vocabulary[role] for role in ("system", "user", "assistant")}
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = Qwen3OmniMoeForConditionalGeneration(omni_config(ids, roles, len(tokenizer))).float()
        wake_text(model.thinker.model.layers)
        wake_audio(model.thinker.audio_tower)
        fill_experts(model.talker.model)
    model.generation_config = GenerationConfig(
        do_sample=False,
        eos_token_id=[ids["<|im_end|>"], ids["<|endoftext|>"]],
        pad_token_id=ids["<|endoftext|>"],
    )
    model.save_pretrained(folder, max_shard_size=SHARD)


def fill_experts(talker: "Module") -> None:
    """Fill the talker's experts and their routers, which transformers 5.19 leaves as the memory it found."""
    from torch import nn

    for name, weight in talker.named_parameters():
        if ".experts." in name or name.endswith(".mlp.gate.weight"):
            nn.init.normal_(weight, std=0.02)


def wake_text(layers: "Module") -> None:
    """Give the decoder layers weights wide enough for 64 channels: at the usual 0.02 learning stalls."""
    from torch import nn

    for weight in layers.parameters():
        if weight.ndim > 1:
            nn.init.normal_(weight, std=TEXT_SPREAD)


def wake_audio(tower: "Module") -> None:
    """Give the convolution stem weights large enough that sound is not drowned by the position embedding."""
    from torch import nn

    for name, weight in tower.named_parameters():
        if name.startswith("conv") and weight.ndim > 1:
            nn.init.kaiming_normal_(weight)
