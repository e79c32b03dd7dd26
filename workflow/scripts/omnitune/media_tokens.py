"""A completion with the tokens of media in it must not end a training.

A model may sample `<|image_pad|>` or `<|audio_start|>` like any other token. When ms-swift 4.6.0 reads the
completion back for the training, it looks for the picture or sound to put there: a TypeError for a row without
media, and an index out of range for one with them. No answer needs these tokens, so no rollout samples them.
"""

from functools import wraps
from importlib.util import find_spec
from typing import Any

TOKENS = ("<|image_pad|>", "<|video_pad|>", "<|audio_pad|>", "<|vision_start|>", "<|audio_start|>")
_NEVER = -100.0  # added to a logit


def guard() -> None:
    """Keep this process's engines from sampling them; call it where ms-swift is imported."""
    from swift.infer_engine import TransformersEngine

    _guard(TransformersEngine)
    if find_spec("vllm") is not None:
        from swift.infer_engine import VllmEngine

        _guard(VllmEngine)


def _guard(engine: Any) -> None:
    prepare = engine._prepare_generation_config
    if getattr(prepare, "guards_media", False):
        return

    @wraps(prepare)
    def without_media(self: Any, request_config: Any) -> Any:
        config = prepare(self, request_config)
        ids = self.tokenizer.convert_tokens_to_ids(list(TOKENS))
        if hasattr(config, "suppress_tokens"):  # of transformers
            config.suppress_tokens = [*(config.suppress_tokens or []), *ids]
        else:
            config.logit_bias = (config.logit_bias or {}) | dict.fromkeys(ids, _NEVER)
        return config

    without_media.guards_media = True  # type: ignore[attr-defined]
    engine._prepare_generation_config = without_media
