"""The sizes of the tiny Qwen3-Omni: every part of the real architecture, just large enough to learn."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import Qwen3OmniMoeConfig

HIDDEN = 64  # width of the thinker's text model, and of what both towers hand to it
LAYERS = 2
EXPERTS = 4
TOWER = 64  # width of the vision and the audio tower
VOCAB_MULTIPLE = 64
SPEAKERS = {"ethan": 107, "chelsie": 108}


def rope(head: int) -> dict:
    """Rotary positions in three interleaved sections (time, height, width) that fill half a head."""
    third = head // 2 // 3
    sections = [head // 2 - 2 * third, third, third]
    return {"rope_type": "default", "mrope_section": sections, "interleaved": True, "mrope_interleaved": True}


def omni_config(ids: Mapping[str, int], roles: Mapping[str, int], vocabulary: int) -> "Qwen3OmniMoeConfig":
    """The whole configuration, for a tokenizer's special-token ids, role-word ids and size."""
    from transformers import Qwen3OmniMoeConfig

    return Qwen3OmniMoeConfig(
        thinker_config=thinker(ids, roles, -(-vocabulary // VOCAB_MULTIPLE) * VOCAB_MULTIPLE),
        talker_config=talker(ids),
        code2wav_config=code2wav(),
        enable_audio_output=True,
        im_start_token_id=ids["<|im_start|>"],
        im_end_token_id=ids["<|im_end|>"],
        tts_pad_token_id=ids["<tts_pad>"],
        tts_bos_token_id=ids["<tts_text_bos>"],
        tts_eos_token_id=ids["<tts_text_eod>"],
        system_token_id=roles["system"],
        user_token_id=roles["user"],
        assistant_token_id=roles["assistant"],
    )


def thinker(ids: Mapping[str, int], roles: Mapping[str, int], vocabulary: int) -> dict:
    """The part that sees, hears and writes text."""
    return {
        "text_config": text(vocabulary),
        "vision_config": vision(),
        "audio_config": audio(),
        "position_id_per_seconds": 13,
        "seconds_per_chunk": 2,
        "audio_start_token_id": ids["<|audio_start|>"],
        "audio_end_token_id": ids["<|audio_end|>"],
        "audio_token_id": ids["<|audio_pad|>"],
        "image_token_id": ids["<|image_pad|>"],
        "video_token_id": ids["<|video_pad|>"],
        "vision_start_token_id": ids["<|vision_start|>"],
        "vision_end_token_id": ids["<|vision_end|>"],
        "user_token_id": roles["user"],
    }


def text(vocabulary: int) -> dict:
    """A mixture-of-experts decoder."""
    return {
        "vocab_size": vocabulary,
        "hidden_size": HIDDEN,
        "intermediate_size": 2 * HIDDEN,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 32,  # the smallest that vLLM's CPU attention takes
        "hidden_act": "silu",
        "max_position_embeddings": 32768,
        "initializer_range": 0.02,
        "rms_norm_eps": 1e-6,
        "use_cache": True,
        "attention_bias": False,
        "sliding_window": None,
        "use_sliding_window": False,
        "decoder_sparse_step": 1,
        "moe_intermediate_size": HIDDEN,
        "num_experts": EXPERTS,
        "num_experts_per_tok": 2,
        "norm_topk_prob": True,
        "output_router_logits": False,
        "router_aux_loss_coef": 0.001,
        "mlp_only_layers": [],
        "tie_word_embeddings": False,
        "shared_expert_intermediate_size": 0,
        "rope_theta": 1_000_000.0,
        "rope_scaling": rope(32),
    }


def vision() -> dict:
    """Patches of 16 pixels and 2 frames; 2 x 2 patches make a token; two blocks also feed the decoder."""
    return {
        "depth": 3,
        "hidden_size": TOWER,
        "hidden_act": "gelu_pytorch_tanh",
        "intermediate_size": 2 * TOWER,
        "num_heads": 2,
        "in_channels": 3,
        "patch_size": 16,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
        "out_hidden_size": HIDDEN,
        "num_position_embeddings": 2304,
        "deepstack_visual_indexes": [0, 1],
        "apply_vit_abs_pos_embed": True,
        "image_size": 768,
        "tokens_per_second": 2,
    }


def audio() -> dict:
    """About 13 tokens a second; 128 mel bands, because ms-swift's placeholder sound has 128."""
    return {
        "num_mel_bins": 128,
        "encoder_layers": 2,
        "encoder_attention_heads": 2,
        "encoder_ffn_dim": 2 * TOWER,
        "d_model": TOWER,
        "max_source_positions": 1500,
        "n_window": 50,
        "n_window_infer": 800,
        "conv_chunksize": 500,
        "downsample_hidden_size": 16,
        "output_dim": HIDDEN,
        "activation_function": "gelu",
    }


def talker(ids: Mapping[str, int]) -> dict:
    """The part that speaks; carried along, never trained."""
    size = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 16,
    }
    return {
        "text_config": {
            **size,
            "vocab_size": 128,
            "num_hidden_layers": 2,
            "moe_intermediate_size": 32,
            "num_experts": EXPERTS,
            "num_experts_per_tok": 2,
            "shared_expert_intermediate_size": 32,
            "norm_topk_prob": True,
            "rope_theta": 1_000_000.0,
            "rope_scaling": rope(16),
        },
        "code_predictor_config": {**size, "vocab_size": 64, "num_hidden_layers": 1, "num_code_groups": 4},
        "num_code_groups": 4,
        "thinker_hidden_size": HIDDEN,
        "accept_hidden_layer": 1,
        "codec_eos_token_id": 101,
        "codec_nothink_id": 102,
        "codec_think_bos_id": 103,
        "codec_think_eos_id": 104,
        "codec_pad_id": 105,
        "codec_bos_id": 106,
        "audio_token_id": ids["<|audio_pad|>"],
        "image_token_id": ids["<|image_pad|>"],
        "video_token_id": ids["<|video_pad|>"],
        "vision_start_token_id": ids["<|vision_start|>"],
        "audio_start_token_id": ids["<|audio_start|>"],
        "position_id_per_seconds": 13,
        "speaker_id": SPEAKERS,
        "spatial_merge_size": 2,
    }


def code2wav() -> dict:
    """The part that turns the talker's codes into sound."""
    return {
        "codebook_size": 64,
        "hidden_size": 32,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "intermediate_size": 64,
        "num_hidden_layers": 1,
        "num_quantizers": 4,
        "decoder_dim": 32,
        "upsample_rates": [2, 2],
        "upsampling_ratios": [2, 2],
        "sliding_window": 16,
    }
