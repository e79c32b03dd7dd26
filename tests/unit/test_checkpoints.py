"""Which checkpoint is resumed, and what happens to those that cannot be."""

import errno
import shutil
from pathlib import Path

import pytest
from weight_files import write_checkpoint

from omnitune import checkpoints, seals


def found(work: Path) -> tuple[str | None, list[str]]:
    last, put_aside = checkpoints.newest_sound(work, "")
    return last and last.folder.name, put_aside


def test_none_is_no_checkpoint(tmp_path: Path):
    assert found(tmp_path) == (None, [])
    assert found(tmp_path / "absent") == (None, [])


def test_the_newest_by_number_is_taken(tmp_path: Path):
    for step in (10, 9, 20):
        write_checkpoint(tmp_path, step)
    (tmp_path / "checkpoint-best").mkdir()
    (tmp_path / "checkpoint-30.tmp").mkdir()
    last, put_aside = checkpoints.newest_sound(tmp_path, "")
    assert last == checkpoints.Checkpoint(tmp_path / "checkpoint-20", 20, 20)
    assert last.is_final
    assert put_aside == []
    assert not checkpoints.read(tmp_path / "checkpoint-10", "").is_final


def test_a_run_without_a_last_step_is_never_final(tmp_path: Path):
    assert not checkpoints.Checkpoint(tmp_path, 3, 0).is_final
    assert not checkpoints.Checkpoint(tmp_path, 3, -1).is_final


PIECES = ["adapter_model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json"]


def damage(file: Path, how: str) -> None:
    data = bytearray(file.read_bytes())
    match how:
        case "lost":
            file.unlink()
        case "empty":
            file.write_bytes(b"")
        case "cut":
            file.write_bytes(data[:-3])
        case "flipped":
            data[len(data) // 2] ^= 4
            file.write_bytes(data)


@pytest.mark.parametrize("piece", [*PIECES, "SEAL.json"])
@pytest.mark.parametrize("how", ["lost", "empty", "cut", "flipped"])
def test_a_damaged_piece_puts_the_checkpoint_aside(tmp_path: Path, piece: str, how: str):
    write_checkpoint(tmp_path, 5)
    damage(write_checkpoint(tmp_path, 10) / piece, how)
    name, (line,) = found(tmp_path)
    assert name == "checkpoint-5"
    assert line.startswith("checkpoint-10 is not sound (")
    assert line.endswith(f"; moved to {tmp_path}/quarantine/checkpoint-10")
    assert (tmp_path / "quarantine/checkpoint-10/adapter_config.json").exists()
    assert not (tmp_path / "checkpoint-10").exists()


def test_a_whole_one_that_was_never_sealed_is_not_trusted(tmp_path: Path):
    (write_checkpoint(tmp_path, 10) / "SEAL.json").unlink()
    name, (line,) = found(tmp_path)
    assert name is None
    assert line.startswith("checkpoint-10 is not sound (it was not sealed); moved to ")


def test_one_of_another_step_is_refused(tmp_path: Path):
    write_checkpoint(tmp_path, 10).rename(tmp_path / "checkpoint-30")
    name, (line,) = found(tmp_path)
    assert name is None
    assert "it was sealed at step 10" in line


@pytest.mark.parametrize("piece", ["optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json"])
def test_one_that_was_sealed_without_what_a_resume_needs_is_refused(tmp_path: Path, piece: str):
    folder = write_checkpoint(tmp_path, 10)
    (folder / piece).unlink()
    seals.write(folder, step=10, max_steps=20, world_size=1, fingerprint="")
    name, (line,) = found(tmp_path)
    assert name is None
    assert f"{piece} was not in it when it was sealed" in line


def test_of_those_put_aside_the_newest_two_stay(tmp_path: Path):
    for number in range(4):
        folder = write_checkpoint(tmp_path, 10)
        (folder / "optimizer.pt").unlink()
        (folder / "number").write_text(str(number))
        found(tmp_path)
    assert sorted(path.read_text() for path in (tmp_path / "quarantine").glob("*/number")) == ["2", "3"]


def test_a_file_system_that_does_not_answer_puts_nothing_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_checkpoint(tmp_path, 10)

    def stale(folder: Path) -> None:
        raise OSError(errno.ESTALE, "Stale file handle", str(folder))

    monkeypatch.setattr(checkpoints.seals, "verify", stale)
    with pytest.raises(OSError, match="Stale file handle"):
        found(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-10"]


def test_older_ones_stay_where_they_are(tmp_path: Path):
    (write_checkpoint(tmp_path, 5) / "optimizer.pt").unlink()
    write_checkpoint(tmp_path, 10)
    assert found(tmp_path) == ("checkpoint-10", [])
    assert (tmp_path / "checkpoint-5").exists()


def of_two_ranks(work: Path, step: int) -> Path:
    """A checkpoint of DeepSpeed with two ranks: each has its random state and its share of the optimizer."""
    folder = write_checkpoint(work, step)
    inner = folder / f"global_step{step}"
    inner.mkdir()
    (folder / "optimizer.pt").rename(inner / "zero_pp_rank_0_mp_rank_00_optim_states.pt")
    shutil.copy(folder / "scheduler.pt", inner / "zero_pp_rank_1_mp_rank_00_optim_states.pt")
    shutil.copy(folder / "scheduler.pt", inner / "mp_rank_00_model_states.pt")
    shutil.copy(folder / "rng_state.pth", folder / "rng_state_1.pth")
    (folder / "rng_state.pth").rename(folder / "rng_state_0.pth")
    (folder / "latest").write_text(inner.name)
    seals.write(folder, step=step, max_steps=20, world_size=2, fingerprint="")
    return folder


def test_the_parts_of_all_ranks_are_sealed(tmp_path: Path):
    of_two_ranks(tmp_path, 10)
    assert found(tmp_path) == ("checkpoint-10", [])


@pytest.mark.parametrize(
    "piece",
    [
        "global_step10/zero_pp_rank_1_mp_rank_00_optim_states.pt",
        "global_step10/mp_rank_00_model_states.pt",
        "latest",
        "rng_state_1.pth",
    ],
)
@pytest.mark.parametrize("how", ["lost", "cut", "flipped"])
def test_a_damaged_part_of_a_rank_puts_the_checkpoint_aside(tmp_path: Path, piece: str, how: str):
    of_two_ranks(tmp_path, 5)
    damage(of_two_ranks(tmp_path, 10) / piece, how)
    assert found(tmp_path)[0] == "checkpoint-5"


def test_a_rank_whose_random_state_was_written_elsewhere_is_missed(tmp_path: Path):
    folder = of_two_ranks(tmp_path, 10)
    (folder / "rng_state_1.pth").unlink()
    seals.write(folder, step=10, max_steps=20, world_size=2, fingerprint="")
    _, (line,) = found(tmp_path)
    assert "rng_state_1.pth was not in it" in line


def test_the_best_is_that_of_the_lowest_loss_at_its_own_step(tmp_path: Path):
    losses = {5: 2.0, 10: None, 15: 1.0, 20: 1.5, 25: float("nan")}
    for step, loss in losses.items():
        write_checkpoint(tmp_path, step, eval_loss=loss)
    assert checkpoints.best(checkpoints.sealed(tmp_path)) == tmp_path / "checkpoint-15"
    (tmp_path / "checkpoint-15/SEAL.json").unlink()
    assert checkpoints.best(checkpoints.sealed(tmp_path)) == tmp_path / "checkpoint-20"
    assert checkpoints.best([tmp_path / "checkpoint-10"]) is None
