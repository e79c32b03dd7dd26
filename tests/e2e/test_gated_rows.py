"""What passes the gate is what the real ms-swift trains on: every row once, none besides, none in its place."""

import json
import math
import statistics
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from demo_run import CONFIG, Demo

RUN = "results/gated"
BATCH = 16
# ms-swift adds up the tokens that it trains on; of one row at a time none is padding.
COUNTED = {"micro_batch": 1, "swift": {"include_num_input_tokens_seen": True}}
SFT = {"epochs": 1, "logging_steps": 1, "eval_steps": 5, "effective_batch": BATCH} | COUNTED
EXPERIMENTS = {"plain": {"sft": SFT}, "grouped": {"sft": SFT | {"group_by_length": True}}}
# line -> what is wrong with it. Of itself ms-swift trains on the mismatch and the empty answer as they are, and
# puts another row in the place of each of the others.
PLANTED = {3: "E061", 8: "E080", 12: "E041", 17: "E057", 25: "E029"}


def row(question: str, answer: str = "yes", **media: list[str]) -> dict[str, Any]:
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return {"messages": turns, **media}


def plant(folder: Path) -> None:
    """30 rows of text, five of them spoilt, with a sound that is none."""
    rows = [row(f"Is {number} a number?") for number in range(30)]
    folder.mkdir()
    (folder / "torn.wav").write_bytes(b"RIFF\x24\x00\x00\x00WAVEfmt ")
    rows[2] = row("<image>What is it?", images=["none.png"])
    rows[7] = row("<audio>What is it?", audios=["torn.wav"])
    rows[11] = row("<audio><audio>Which?", audios=["torn.wav"])
    rows[16] = row("Is it? " * 600)
    rows[24] = row("Nothing?", "")
    (folder / "rows.jsonl").write_text("".join(json.dumps(each) + "\n" for each in rows))


@pytest.fixture(scope="module")
def gated(demo: Demo) -> Demo:
    """A run of its own on some of the demo's rows, its base, and the planted rows, trained in two ways."""
    plant(demo.path("planted"))
    sources = {name: {"max_rows": 60} for name in ("digits", "tones", "shapes", "sums")}
    sources["planted"] = {"format": "messages", "path": "planted/rows.jsonl", "task": "sums"}
    config = {"run": "gated", "media": {"roots": ["results/demo/inputs", "planted"]}, "sources": sources}
    config |= {"validate": {"max_rejected": 0.5}, "experiments": EXPERIMENTS}
    demo.path("config/gated.yaml").write_text(json.dumps(config))
    targets = [f"{RUN}/{name}/sft/model/manifest.json" for name in EXPERIMENTS]
    done = demo.snakemake(*CONFIG, "config/gated.yaml", "--", *targets)
    assert done.returncode == 0, done.stdout
    return demo


def test_planted_rows_are_rejected_and_no_other(gated: Demo) -> None:
    ledger = gated.rows(f"{RUN}/split/ledger.jsonl")
    assert len(ledger) == 4 * 60 + 30
    rejected = {verdict["line"]: verdict["codes"] for verdict in ledger if verdict["verdict"] == "rejected"}
    assert {line: codes[0] for line, codes in rejected.items()} == PLANTED
    assert all(verdict["id"].startswith("planted/") for verdict in ledger if verdict["verdict"] == "rejected")


def test_the_rows_to_train_on_are_the_accepted_ones_with_their_lengths(gated: Demo) -> None:
    train = [each["id"] for each in gated.rows(f"{RUN}/split/train.jsonl")]
    ledger = gated.rows(f"{RUN}/split/ledger.jsonl")
    passed = [each for each in ledger if each["verdict"] in ("accepted", "repaired") and "train" in each["split"]]
    assert sorted(train) == sorted(each["id"] for each in passed)
    assert [each["id"] for each in gated.rows(f"{RUN}/split/train.lengths.jsonl")] == train


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_epoch_trains_on_every_accepted_row_once(gated: Demo, name: str) -> None:
    lengths = [each["tokens"] for each in gated.rows(f"{RUN}/split/train.lengths.jsonl")]
    manifest = gated.json(f"{RUN}/{name}/sft/model/manifest.json")
    assert manifest["global_step"] == manifest["max_steps"] == math.ceil(len(lengths) / BATCH)
    assert sum(tokens_by_step(gated, name)) == sum(lengths)
    assert manifest["settings"]["strict"] == "true"


def test_a_training_by_length_reads_cached_rows_and_puts_like_with_like(gated: Demo) -> None:
    arguments = gated.json(f"{RUN}/grouped/sft/args.json")
    assert arguments["cached_dataset"] == [f"{RUN}/split/cached/train"]
    assert not {"dataset", "val_dataset"} & set(arguments)
    lengths = [each["tokens"] for each in gated.rows(f"{RUN}/split/train.lengths.jsonl")]
    told = gated.rows(f"{RUN}/grouped/sft/checkpoints/logging.jsonl")[-1]["train_dataset"]
    assert f"min={min(lengths)}.000000, max={max(lengths)}.000000, size={len(lengths)}" in told
    log = gated.rows(f"{RUN}/grouped/sft/model/training_log.jsonl")
    assert any("eval_loss" in line for line in log), "the rows to watch are cached too"
    # Batches of like rows differ from each other; batches of any rows are all about as long.
    spread = {name: statistics.pstdev(tokens_by_step(gated, name)[:-1]) for name in EXPERIMENTS}
    assert spread["grouped"] > 2 * spread["plain"]


def tokens_by_step(demo: Demo, name: str) -> list[int]:
    """Tokens that ms-swift trained on in each step."""
    log = demo.rows(f"{RUN}/{name}/sft/model/training_log.jsonl")
    seen = [0, *(int(line["num_input_tokens_seen"]) for line in log if "loss" in line)]
    return [after - before for before, after in pairwise(seen)]
