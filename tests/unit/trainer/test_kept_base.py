"""An adapter that is added and taken off for every rollout leaves the base as it was, by the real peft."""

from types import SimpleNamespace
from typing import Any

import pytest

from omnitune.trainer import kept_base

pytestmark = pytest.mark.swift

STEPS = 30


def adapted(**settings: Any) -> Any:
    """A linear layer and experts in bfloat16, with an adapter."""
    import torch
    from peft import LoraConfig, get_peft_model

    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = torch.nn.Linear(48, 32, dtype=torch.bfloat16)
            self.experts = torch.nn.Module()
            self.experts.gate_up_proj = torch.nn.Parameter(torch.randn(4, 24, 16, dtype=torch.bfloat16))
            self.experts.down_proj = torch.nn.Parameter(torch.randn(4, 16, 12, dtype=torch.bfloat16))

    torch.manual_seed(5)
    config = LoraConfig(r=4, lora_alpha=8, target_modules=["linear"], **settings)
    return get_peft_model(Model(), config)


def gatherer(weight: Any) -> Any:
    """What takes its gradient in."""
    return weight.view_as(weight).grad_fn.next_functions[0][0]


EXPERTS = {"target_parameters": ["experts.gate_up_proj", "experts.down_proj"]}


def base(model: Any) -> dict[str, Any]:
    return {name: one.clone() for name, one in model.state_dict().items() if "lora_" not in name}


def send(model: Any) -> dict[str, Any]:
    """Train a little, add the adapter, and take it off; the base with the adapter."""
    import torch

    for name, weight in model.named_parameters():
        if "lora_" in name:
            weight.data += 0.05 * torch.randn_like(weight)
    model.merge_adapter()
    sent = base(model)
    model.unmerge_adapter()
    return sent


def moved(model: Any, before: dict[str, Any]) -> list[str]:
    return [name for name, one in base(model).items() if not one.equal(before[name])]


@pytest.mark.parametrize(("settings", "weights"), [({}, 1), (EXPERTS, 3)], ids=["linear", "experts"])
def test_the_base_stays_and_what_is_sent_is_the_same(settings: dict[str, Any], weights: int):
    import torch

    alone, kept = adapted(**settings), adapted(**settings)
    before = base(kept)
    kept_base.keep(SimpleNamespace(model=kept, _move_full_model_to_vllm=print))
    for step in range(STEPS):
        torch.manual_seed(step)
        sent = send(kept)
        torch.manual_seed(step)
        expected = send(alone)
        if not step:  # later ones of peft alone are those of another base
            assert all(sent[name].equal(expected[name]) for name in expected)
        assert len(moved(kept, sent)) == weights  # they had the adapter in them, and have not now
    assert moved(kept, before) == []
    assert moved(alone, before), "peft alone moves it: without that nothing is shown"


def test_an_adapter_in_float32_stays_one():
    """ms-swift moves it where the base is, and gives it the base's type with that."""
    import torch
    from swift.rlhf_trainers.utils import patch_lora_merge, patch_lora_unmerge

    types = {}
    for kind in ("alone", "kept"):
        model = adapted()
        if kind == "kept":
            kept_base.keep(SimpleNamespace(model=model, _move_full_model_to_vllm=print))
        adapter = {name: one for name, one in model.named_parameters() if "lora_" in name}
        before = {name: one.detach().clone() for name, one in adapter.items()}
        # DDP's hooks hang there.
        gathers = {name: gatherer(one) for name, one in adapter.items()}
        with patch_lora_merge(model):
            model.merge_adapter()
            with patch_lora_unmerge(model):
                model.unmerge_adapter()
        types[kind] = {one.dtype for one in adapter.values()}
        if kind == "kept":
            assert all(one.equal(before[name]) for name, one in adapter.items())
            assert all(gatherer(one) is gathers[name] for name, one in adapter.items())
    assert types == {"alone": {torch.bfloat16}, "kept": {torch.float32}}


def test_what_is_added_twice_is_taken_off_once():
    model = adapted()
    kept_base.keep(SimpleNamespace(model=model, _move_full_model_to_vllm=print))
    before = base(model)
    model.merge_adapter()
    model.merge_adapter()
    model.unmerge_adapter()
    assert moved(model, before) == []


def test_what_can_be_taken_off_but_once_is_left():
    model = adapted(use_dora=True)
    kept_base.keep(SimpleNamespace(model=model, _move_full_model_to_vllm=print))
    send(model)


def test_other_trainings_are_left():
    kept_base.keep(SimpleNamespace(model=None))
