"""The rate of a resumed training, with an optimizer that was exchanged as accelerate does it."""

from types import SimpleNamespace

import pytest

from omnitune.trainer import learning_rate


@pytest.mark.swift
@pytest.mark.parametrize("hull", [False, True])
def test_the_schedule_reaches_the_optimizer_that_was_read(hull: bool):
    import torch
    from torch.optim.lr_scheduler import LambdaLR

    torchs = torch.optim.AdamW([torch.nn.Parameter(torch.ones(2))], lr=8.0)
    schedule = LambdaLR(torchs, lambda step: 1 / (step + 1))
    used = torch.optim.AdamW(torchs.param_groups)
    schedule.step()
    assert used.param_groups[0]["lr"] == 4
    used.load_state_dict(used.state_dict())
    schedule.step()
    schedule.step()
    assert used.param_groups[0]["lr"] == 4, "when this fails, there is nothing to mend any more"
    made = SimpleNamespace(optimizer=used, lr_scheduler=SimpleNamespace(scheduler=schedule) if hull else schedule)
    learning_rate.follow(made)
    schedule.step()
    assert used.param_groups[0]["lr"] == 8 / 5
