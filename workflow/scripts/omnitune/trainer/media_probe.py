"""How much likelier sampled completions are with their own media than with those of another row."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

KINDS = ("images", "audios", "videos")
# Rows of the data that are looked at for media to swap in.
_ROWS = 256


def differences(trainer: Any, samples: Sequence[Any]) -> list[tuple[str, float]]:
    """Log-probability with own media less that with a stranger's, one per completion, over all processes.

    Every process does the same two forward passes over as many rows as it trains at once, whether it has media or
    not: with ZeRO-3 each pass needs all of them.

    Args:
        trainer: ms-swift's GRPO trainer.
        samples: this process's samples, completions included.

    Returns:
        (prompt, nats); empty when no process has a row to compare.
    """
    from accelerate.utils import gather_object

    size = int(trainer.args.train_batch_size)
    pairs = list(_swapped(samples, trainer.train_dataset, size))
    if not any(gather_object([bool(pairs)])):
        return []
    own = [sample for sample, _ in pairs] or list(samples[:size])
    other = [sample for _, sample in pairs] or own
    before, after = (_log_probabilities(trainer, rows) for rows in (own, other))
    gains = [a - b for a, b in zip(before, after, strict=True)]
    local = [(_key(sample), gain) for (sample, _), gain in zip(pairs, gains, strict=False)]
    return list(gather_object(local))


def signature(row: Any) -> tuple[int, ...]:
    """How many media of each kind a row or a sample has."""
    return tuple(len(_media(row, kind)) for kind in KINDS)


def _swapped(samples: Sequence[Any], rows: Any, most: int) -> Iterator[tuple[Any, Any]]:
    """Samples with media, at most `most`, of as many prompts as possible, each with a copy that has other ones.

    The other ones are the next prompt's, which is where a rollout that lost count would have got its own from;
    where no prompt of the rollout has as many, those of another row of the data.
    """
    by_prompt: dict[str, list[Any]] = {}
    for sample in samples:
        if any(signature(sample)):
            by_prompt.setdefault(_key(sample), []).append(sample)
    prompts = [group[0] for group in by_prompt.values()]
    more = [rows[index] for index in range(min(len(rows), _ROWS))] if prompts else []
    strangers = [_stranger(own, [*prompts[n + 1 :], *prompts[:n], *more]) for n, own in enumerate(prompts)]
    found = 0
    for turn in range(max(map(len, by_prompt.values()), default=0)):
        for group, stranger in zip(by_prompt.values(), strangers, strict=True):
            if turn < len(group) and found < most and stranger is not None:
                found += 1
                own, other = copy.copy(group[turn]), copy.copy(group[turn])
                for kind in KINDS:
                    setattr(other, kind, _media(stranger, kind))
                yield own, other


def _stranger(sample: Any, rows: Sequence[Any]) -> Any:
    """The first row or sample with as many media of each kind, and other ones."""
    wanted, own = signature(sample), _names(sample)
    return next((row for row in rows if signature(row) == wanted and _names(row) != own), None)


def _media(row: Any, kind: str) -> list[Any]:
    return (row.get(kind) if isinstance(row, Mapping) else getattr(row, kind)) or []


def _key(sample: Any) -> str:
    """A prompt's name: ms-swift's own is one for all rows that ask the same about different media."""
    asked = [message["content"] for message in sample.messages if message["role"] != "assistant"]
    return "\n".join([*map(str, asked), *_names(sample)])


def _names(row: Any) -> list[str]:
    media = [one for kind in KINDS for one in _media(row, kind)]
    return [str(one.get("path") or one.get("bytes")) if isinstance(one, Mapping) else str(one) for one in media]


def _log_probabilities(trainer: Any, samples: Sequence[Any]) -> list[float]:
    """Of each completion as a whole, given its prompt and media, without dropout."""
    import torch
    from swift.rlhf_trainers.utils import collate_to_grpo_micro_batch, encode_sample
    from swift.trainers import disable_gradient_checkpointing

    template, model = trainer.template, trainer.model
    with trainer._template_context(template):
        for sample in samples:
            sample.encoded = encode_sample(sample, template)
            sample.encoded.pop("_extra_kwargs", None)
        inputs, batch = collate_to_grpo_micro_batch(
            samples, template, device=trainer.accelerator.device, use_logits_to_keep=True
        )
    inputs.pop("labels", None)
    training = model.training
    model.eval()
    try:
        with torch.no_grad(), disable_gradient_checkpointing(model, trainer.args.gradient_checkpointing_kwargs):
            logps = trainer._get_per_token_logps_and_entropies_single(model, inputs, batch)[0]
    finally:
        model.train(training)
    return [float(value) for value in (logps.float() * batch.completion_mask).sum(1)]
