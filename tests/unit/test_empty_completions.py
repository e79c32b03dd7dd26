"""The crash of ms-swift on a completion that is padding alone, and the guard, with a real model and template."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from real_model import load

from omnitune import empty_completions

pytestmark = pytest.mark.swift


@pytest.fixture(scope="module")
def policy(tiny_model: Path) -> Any:
    """(model, template) as a trainer holds them."""
    model, template = load(tiny_model)
    template.set_mode("train")
    return model.eval(), template


@pytest.fixture
def trainer() -> Iterator[Any]:
    """The trainer's module, without a guard that another test has set."""
    from swift.rlhf_trainers import grpo_trainer

    encode = grpo_trainer.encode_sample
    grpo_trainer.encode_sample = getattr(encode, "__wrapped__", encode)
    yield grpo_trainer
    grpo_trainer.encode_sample = encode


def samples(template: Any) -> list[Any]:
    """What the transformers rollout leaves of "4" and of a completion that is <|endoftext|> alone."""
    from swift.rl_core.data import GRPOSample

    ids = template.tokenizer.encode("4<|im_end|>")
    rows = [("4", ids), ("", [])]
    return [
        GRPOSample(
            messages=[{"role": "user", "content": "2 + 2 ="}, {"role": "assistant", "content": text}],
            response_token_ids=tokens,
            finish_reason="stop",
            add_eos=False,
        )
        for text, tokens in rows
    ]


def logps(grpo_trainer: Any, policy: Any, batch: list[Any]) -> Any:
    """Log-probabilities of the completions, on the trainer's own path from samples to them."""
    import torch

    model, template = policy
    for sample in batch:
        sample.encoded = grpo_trainer.encode_sample(sample, template)
        sample.encoded.pop("_extra_kwargs", None)
    inputs, grpo_batch = grpo_trainer.collate_to_grpo_micro_batch(
        batch, template, device=torch.device("cpu"), use_logits_to_keep=True
    )
    inputs.pop("labels")
    self = SimpleNamespace(model_kwarg_keys=set(), temperature=1.0, template=template)
    with torch.no_grad(), template.forward_context(model, inputs):
        found, _ = grpo_trainer.GRPOTrainer._get_logps_via_local_forward(
            self, model, inputs, grpo_batch.logits_to_keep, inputs["input_ids"]
        )
    return found, grpo_batch.completion_mask


def test_without_a_guard_ms_swift_ends_the_training(trainer: Any, policy: Any) -> None:
    """When this passes no more, the guard may go."""
    with pytest.raises(RuntimeError, match=r"Size does not match|must match the size"):
        logps(trainer, policy, samples(policy[1]))


def test_with_the_guard_the_sampled_token_counts(trainer: Any, policy: Any) -> None:
    empty_completions.guard()
    guarded = trainer.encode_sample
    empty_completions.guard()
    assert trainer.encode_sample is guarded  # once
    batch = samples(policy[1])
    found, mask = logps(trainer, policy, batch)
    assert mask.sum(1).tolist() == [2, 1]
    assert found.shape == mask.shape
    assert (found < 0).all()
    assert batch[1].response_token_ids == [policy[1].tokenizer.convert_tokens_to_ids("<|endoftext|>")]
    # What the other completion is worth does not hang on the guard.
    alone, _ = logps(trainer, policy, samples(policy[1])[:1])
    assert found[0][-2:].tolist() == pytest.approx(alone[0].tolist(), abs=1e-4)
