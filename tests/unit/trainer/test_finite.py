"""What is not finite is refused, with its step."""

from types import SimpleNamespace

import pytest

from omnitune.trainer import finite
from omnitune.trainer.finite import NotFiniteError

BAD = [float("nan"), float("inf"), float("-inf")]


def trainer(loss: float = 1.0, norm: float | None = 1.0) -> SimpleNamespace:
    made = SimpleNamespace(
        training_step=lambda model, inputs, count=None: loss,
        accelerator=SimpleNamespace(clip_grad_norm_=lambda parameters, most: norm),
        state=SimpleNamespace(global_step=4),
        args=SimpleNamespace(logging_nan_inf_filter=True),
    )
    finite.guard(made)
    return made


def test_finite_values_pass_through():
    made = trainer(loss=0.5, norm=2.0)
    assert made.training_step("model", {}, count=3) == 0.5
    assert made.accelerator.clip_grad_norm_([], 1.0) == 2.0
    assert trainer(norm=None).accelerator.clip_grad_norm_([], 1.0) is None
    assert made.args.logging_nan_inf_filter is False


@pytest.mark.parametrize("value", BAD)
def test_a_loss_and_a_norm_that_are_not_are_refused_in_their_step(value: float):
    with pytest.raises(NotFiniteError, match=rf"the loss at step 5 is {value}"):
        trainer(loss=value).training_step("model", {})
    with pytest.raises(NotFiniteError, match=rf"the gradient norm at step 5 is {value}"):
        trainer(norm=value).accelerator.clip_grad_norm_([], 1.0)


@pytest.mark.parametrize("value", [-1, -1.0])
def test_what_deepspeed_makes_of_a_norm_in_bfloat16_is_refused_too(value: float):
    with pytest.raises(NotFiniteError, match="the gradient norm at step 5 is nan"):
        trainer(norm=value).accelerator.clip_grad_norm_([], 1.0)


@pytest.mark.swift
def test_a_trained_weight_that_is_not_finite_is_named():
    import torch

    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    finite.require_weights(model, 7)
    model[0].weight.requires_grad = False
    model[0].weight.data[0, 0] = float("nan")
    finite.require_weights(model, 7)
    model[1].bias.data[1] = float("inf")
    with pytest.raises(NotFiniteError, match=r"the weight 1\.bias at step 7 holds NaN or infinity"):
        finite.require_weights(model, 7)
