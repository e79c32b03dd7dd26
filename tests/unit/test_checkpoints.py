"""Which checkpoint is resumed, and what happens to those that cannot be."""

import json
import shutil
from pathlib import Path

import pytest
from weight_files import floats, write_checkpoint, write_safetensors

from omnitune import checkpoints


def found(work: Path) -> tuple[str | None, list[str]]:
    last, put_aside = checkpoints.newest_sound(work)
    return last and last.folder.name, put_aside


def test_none_is_no_checkpoint(tmp_path: Path):
    assert found(tmp_path) == (None, [])
    assert found(tmp_path / "absent") == (None, [])


def test_the_newest_by_number_is_taken(tmp_path: Path):
    for step in (10, 9, 20):
        write_checkpoint(tmp_path, step)
    (tmp_path / "checkpoint-best").mkdir()
    (tmp_path / "checkpoint-30.tmp").mkdir()
    last, put_aside = checkpoints.newest_sound(tmp_path)
    assert last == checkpoints.Checkpoint(tmp_path / "checkpoint-20", 20, 20)
    assert last.is_final
    assert put_aside == []
    assert not checkpoints.read(tmp_path / "checkpoint-10", 10).is_final


def test_a_run_without_a_last_step_is_never_final(tmp_path: Path):
    assert not checkpoints.Checkpoint(tmp_path, 3, 0).is_final
    assert not checkpoints.Checkpoint(tmp_path, 3, -1).is_final


PIECES = ["adapter_model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json"]


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("damage", ["lost", "empty", "cut"])
def test_a_missing_or_cut_piece_puts_the_checkpoint_aside(tmp_path: Path, piece: str, damage: str):
    write_checkpoint(tmp_path, 5)
    file = write_checkpoint(tmp_path, 10) / piece
    match damage:
        case "lost":
            file.unlink()
        case "empty":
            file.write_bytes(b"")
        case "cut":
            file.write_bytes(file.read_bytes()[:-3])
    name, (line,) = found(tmp_path)
    assert name == "checkpoint-5"
    assert line.startswith("checkpoint-10 is not whole (")
    assert line.endswith(f"; moved to {tmp_path}/quarantine/checkpoint-10")
    assert (tmp_path / "quarantine/checkpoint-10/adapter_config.json").exists()
    assert not (tmp_path / "checkpoint-10").exists()


@pytest.mark.parametrize("state", [{"global_step": 9, "max_steps": 20}, {"global_step": 10}, None, []])
def test_a_state_that_does_not_say_this_step_is_refused(tmp_path: Path, state):
    (write_checkpoint(tmp_path, 10) / "trainer_state.json").write_text(json.dumps(state))
    name, put_aside = found(tmp_path)
    assert name is None
    assert len(put_aside) == 1


def test_a_second_one_of_the_same_name_keeps_the_first(tmp_path: Path):
    for _ in range(3):
        (write_checkpoint(tmp_path, 10) / "optimizer.pt").unlink()
        found(tmp_path)
    assert sorted(path.name for path in (tmp_path / "quarantine").iterdir()) == [
        "checkpoint-10",
        "checkpoint-10.1",
        "checkpoint-10.2",
    ]


def test_older_ones_stay_where_they_are(tmp_path: Path):
    (write_checkpoint(tmp_path, 5) / "optimizer.pt").unlink()
    write_checkpoint(tmp_path, 10)
    assert found(tmp_path) == ("checkpoint-10", [])
    assert (tmp_path / "checkpoint-5").exists()


def test_every_rank_has_its_random_state(tmp_path: Path):
    folder = write_checkpoint(tmp_path, 10)
    (folder / "rng_state.pth").rename(folder / "rng_state_0.pth")
    assert found(tmp_path) == ("checkpoint-10", [])
    (folder / "rng_state_1.pth").write_bytes(b"PK\3\4")
    assert found(tmp_path)[0] is None


def test_full_weights_are_known(tmp_path: Path):
    folder = write_checkpoint(tmp_path, 10)
    (folder / "adapter_model.safetensors").unlink()
    write_safetensors(folder / "model.safetensors", {"a": floats(1)})
    assert found(tmp_path) == ("checkpoint-10", [])


OPTIMIZER = [f"zero_pp_rank_{rank}_mp_rank_00_optim_states.pt" for rank in range(2)]
STATES = {
    0: ["mp_rank_00_model_states.pt"],
    2: ["mp_rank_00_model_states.pt", *OPTIMIZER],
    3: [*OPTIMIZER, *(f"zero_pp_rank_{rank}_mp_rank_00_model_states.pt" for rank in range(2))],
}


def of_deepspeed(work: Path, step: int, stage: int) -> Path:
    """A checkpoint of two ranks, with the files that DeepSpeed leaves."""
    folder = write_checkpoint(work, step)
    inner = folder / f"global_step{step}"
    inner.mkdir()
    (folder / "optimizer.pt").unlink()
    for name in STATES[stage]:
        shutil.copy(folder / "scheduler.pt", inner / name)
    shutil.copy(folder / "rng_state.pth", folder / "rng_state_1.pth")
    (folder / "rng_state.pth").rename(folder / "rng_state_0.pth")
    (folder / "latest").write_text(inner.name)
    (folder / "args.json").write_text(json.dumps({"deepspeed": {"zero_optimization": {"stage": stage}}}))
    return folder


@pytest.mark.parametrize("stage", STATES)
def test_deepspeeds_own_folder_is_known(tmp_path: Path, stage: int):
    of_deepspeed(tmp_path, 10, stage)
    assert found(tmp_path) == ("checkpoint-10", [])


@pytest.mark.parametrize(
    ("stage", "piece"),
    [
        *((stage, f"global_step10/{name}") for stage, names in STATES.items() for name in names),
        *((2, name) for name in ("latest", "rng_state_1.pth", "scheduler.pt", "args.json")),
    ],
)
@pytest.mark.parametrize("damage", ["lost", "cut"])
def test_a_missing_or_cut_piece_of_deepspeeds_puts_the_checkpoint_aside(
    tmp_path: Path, stage: int, piece: str, damage: str
):
    of_deepspeed(tmp_path, 5, stage)
    file = of_deepspeed(tmp_path, 10, stage) / piece
    if damage == "lost":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-3])
    name, (line,) = found(tmp_path)
    assert name == "checkpoint-5"
    assert line.startswith("checkpoint-10 is not whole (")
