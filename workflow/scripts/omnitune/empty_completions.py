"""A completion without a token of its own must not end a training.

ms-swift 4.6.0 leaves padding out of what was sampled, and Qwen pads with <|endoftext|>, by which a completion may
also end. One that is this token alone has none left, so its row has no label, and
`collate_to_grpo_micro_batch` takes "no label" for "all of the row": one logit too few, and `selective_log_softmax`
stops the training with "Size does not match at dimension 1".
"""

from functools import wraps
from typing import Any

_NO_LABEL = -100


def guard() -> None:
    """Give such a completion the token back that was sampled; call it where ms-swift is imported."""
    from swift.rlhf_trainers import grpo_trainer

    encode = grpo_trainer.encode_sample
    if getattr(encode, "guards_empty", False):
        return

    @wraps(encode)
    def encode_sample(sample: Any, template: Any, **more: Any) -> dict[str, Any]:
        encoded: dict[str, Any] = encode(sample, template, **more)
        labels = encoded.get("labels")
        if sample.response_token_ids or not labels or any(label != _NO_LABEL for label in labels):
            return encoded
        sample.response_token_ids = [template.tokenizer.pad_token_id]
        return encode(sample, template, **more)

    encode_sample.guards_empty = True  # type: ignore[attr-defined]
    grpo_trainer.encode_sample = encode_sample
