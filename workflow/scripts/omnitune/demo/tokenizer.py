"""A small byte-level BPE tokenizer that carries Qwen3-Omni's own special tokens, in their own order."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from omnitune.demo import digits, names, shapes, sums, tones
from omnitune.demo.files import write_bytes, write_json

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MERGES = 320  # learnt beside the 256 bytes

WRITTEN = (  # tokens of their own that stay in the decoded text
    *("<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>"),
    *("<|repo_name|>", "<|file_sep|>", "<tool_response>", "</tool_response>", "<think>", "</think>"),
)
SPECIAL = (
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>"),
    *("<|box_start|>", "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>"),
    *("<|vision_pad|>", "<|image_pad|>", "<|video_pad|>", *WRITTEN, "<|audio_start|>", "<|audio_end|>"),
    *("<tts_pad>", "<tts_text_bos>", "<tts_text_eod>", "<tts_text_bos_single>", "<|audio_pad|>"),
)

NAMED = {  # what the processor asks its tokenizer for
    "image_token": "<|image_pad|>",
    "audio_token": "<|audio_pad|>",
    "video_token": "<|video_pad|>",
    "vision_bos_token": "<|vision_start|>",
    "vision_eos_token": "<|vision_end|>",
    "audio_bos_token": "<|audio_start|>",
    "audio_eos_token": "<|audio_end|>",
}

WORDS = (  # Qwen2's pattern: how text is cut before bytes are merged; every digit stands alone
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)


def corpus() -> Iterable[str]:
    """Text to learn merges from: the demo's questions and answers, so that each is few tokens."""
    yield from (digits.QUESTION, tones.QUESTION, shapes.QUESTION, sums.QUESTION, names.QUESTION)
    yield from (*names.NAMES, *shapes.COLOURS, "system", "user", "assistant", "yes", "no")
    yield "left right up down, square disc, low middle high"
    yield "You are a helpful assistant. Please answer with one word. What do you hear? What is in the image?"
    yield "Describe the video. Question: Answer: Options: A. B. C. D. <answer></answer> speech music"


def write_tokenizer(folder: Path) -> None:
    """Write vocab.json, merges.txt, tokenizer.json and tokenizer_config.json."""
    tokenizer = train()
    trained = json.loads(tokenizer.to_str())["model"]
    merges = (pair if isinstance(pair, str) else " ".join(pair) for pair in trained["merges"])
    write_json(folder / "vocab.json", trained["vocab"])
    write_bytes(folder / "merges.txt", "\n".join(("#version: 0.2", *merges, "")).encode())
    write_bytes(folder / "tokenizer.json", tokenizer.to_str(pretty=True).encode())
    ids = {name: number for name in SPECIAL if (number := tokenizer.token_to_id(name)) is not None}
    write_json(folder / "tokenizer_config.json", settings(ids))


def train() -> "Tokenizer":
    """Learn the merges and append the special tokens."""
    from tokenizers import (
        AddedToken,
        Regex,
        Tokenizer,
        decoders,
        models,
        normalizers,
        pre_tokenizers,
        trainers,
    )

    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORDS), behavior="isolated", invert=False),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=256 + MERGES,
        min_frequency=1,
        show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )
    tokenizer.train_from_iterator(corpus(), trainer)
    for name in SPECIAL:
        tokenizer.add_tokens([AddedToken(name, normalized=False, special=name not in WRITTEN)])
    return tokenizer


def settings(ids: dict[str, int]) -> dict:
    """The tokenizer_config.json of the real repository, with our ids."""
    flags = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False}
    return {
        "add_bos_token": False,
        "add_prefix_space": False,
        "added_tokens_decoder": {
            str(number): {"content": name, **flags, "special": name not in WRITTEN} for name, number in ids.items()
        },
        "additional_special_tokens": [name for name in SPECIAL[1:] if name not in WRITTEN],
        "bos_token": None,
        "clean_up_tokenization_spaces": False,
        "eos_token": "<|im_end|>",
        "errors": "replace",
        "extra_special_tokens": NAMED,
        "model_max_length": 131072,
        "pad_token": "<|endoftext|>",
        "processor_class": "Qwen3OmniMoeProcessor",
        "split_special_tokens": False,
        "tokenizer_class": "Qwen2Tokenizer",
        "unk_token": None,
        **NAMED,
    }
