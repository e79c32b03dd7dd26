"""The rows of a step, by ms-swift's own sampler: the same as those that a training really reads."""

import json
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from omnitune.trainer import rows_of_step

ROWS = [
    {
        "id": f"s/{number}",
        "messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": str(number)}],
    }
    for number in range(11)
]


def trainer(folder: Path, **arguments: Any) -> Any:
    """As much of ms-swift's trainer as is looked at, with the rows shuffled as ms-swift shuffles them."""
    from datasets import Dataset
    from swift.dataloader.shard import BatchSamplerShard

    file = folder / "train.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    (folder / "args.json").write_text(json.dumps({"dataset": [str(file)], **arguments}))
    read = Dataset.from_list([{"messages": row["messages"]} for row in ROWS])

    def loader() -> Any:
        sampler = BatchSamplerShard(len(ROWS), batch_size=2, shuffle=True, drop_last=False, data_seed=42)
        return SimpleNamespace(batch_sampler=sampler)

    return SimpleNamespace(
        args=SimpleNamespace(output_dir=str(folder), gradient_accumulation_steps=2),
        train_dataset=SimpleNamespace(dataset=read.shuffle(seed=7).shuffle(seed=8)),
        state=SimpleNamespace(global_step=0),
        get_train_dataloader=loader,
    )


@pytest.mark.swift
def test_they_are_those_that_are_read_in_every_step_of_every_epoch(tmp_path: Path):
    made = trainer(tmp_path)
    seen = []
    for epoch in range(2):
        sampler = made.get_train_dataloader().batch_sampler
        sampler.set_epoch(epoch)
        batches = iter(sampler)
        while step := list(islice(batches, 2)):
            read = [made.train_dataset.dataset[at]["messages"][-1]["content"] for batch in step for at in batch]
            assert rows_of_step.ids(made) == [f"s/{answer}" for answer in read]
            made.state.global_step += 1
            seen += read
    assert sorted(seen) == sorted(2 * [str(number) for number in range(11)])
    assert seen[:11] != seen[11:]


@pytest.mark.swift
def test_where_it_is_not_known_none_is_named(tmp_path: Path):
    assert rows_of_step.ids(trainer(tmp_path, rlhf_type="grpo")) == []
    encoded = trainer(tmp_path)
    encoded.train_dataset = encoded.train_dataset.dataset
    assert rows_of_step.ids(encoded) == []
    changed = trainer(tmp_path)
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS[::-1]))
    assert rows_of_step.ids(changed) == []
