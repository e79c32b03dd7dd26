"""Each protection is held by a test: with the one line taken out, that test fails."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from full import full
from tally import Count

from omnitune.environments import ROOT

LIBRARY = "workflow/scripts/omnitune"


class Mutant(NamedTuple):
    """A file, what is replaced in it, and the test that must not pass then, one marked `swift` if so."""

    file: str
    line: str
    instead: str
    test: str
    swift: bool = False


MUTANTS = {
    "the seal is not held against the files": Mutant(
        f"{LIBRARY}/checkpoints.py", "seal = seals.verify(folder)", "seal = seals.read(folder)",
        "unit/test_checkpoints.py::test_a_damaged_piece_puts_the_checkpoint_aside[flipped-optimizer.pt]",
    ),
    "a value is not quoted": Mutant(
        "rules/sft.smk", "--output {params.output:q} --log", "--output {params.output} --log",
        "unit/test_shape.py::test_every_value_in_a_shell_command_is_quoted",
    ),
    "a checkpoint is not flushed": Mutant(
        f"{LIBRARY}/seals.py", "os.fsync(file.fileno())", "pass",
        "unit/test_seals.py::test_every_file_is_on_the_disk_before_the_seal_can_be_seen",
    ),
    "a large file is sealed without a beat": Mutant(
        f"{LIBRARY}/seals.py", "_hash(path, read_on)", "_hash(path)",
        "unit/test_seals.py::test_a_large_file_beats_while_it_is_sealed",
    ),
    "a checkpoint that grows is no sign of life": Mutant(
        f"{LIBRARY}/supervisor/watchdog.py", "self._saved(), ", "",
        "unit/supervisor/test_watchdog.py::test_a_checkpoint_that_grows_is_a_sign_while_it_is_saved",
    ),
    "a published file is not flushed": Mutant(
        f"{LIBRARY}/publish.py", 'with path.open("rb") as file:\n                os.fsync(file.fileno())', "pass",
        "unit/test_publish.py::test_every_file_is_flushed_before_the_folder_is_seen",
    ),
    "a file is not flushed": Mutant(
        f"{LIBRARY}/publish.py", "file.flush()\n                os.fsync(file.fileno())", "file.flush()",
        "unit/test_seals.py::test_every_file_is_on_the_disk_before_the_seal_can_be_seen",
    ),
    "a redirect is followed with the judge's key": Mutant(
        f"{LIBRARY}/rewards/judge_service.py", "ProxyHandler({}), _NoRedirects", "ProxyHandler({})",
        "unit/rewards/test_llm_judge.py::test_the_key_follows_no_redirect[302]",
    ),
    "a loss is not looked at": Mutant(
        f"{LIBRARY}/trainer/finite.py", "trainer.training_step = checked_step", "pass",
        "unit/trainer/test_finite.py::test_a_loss_and_a_norm_that_are_not_are_refused_in_their_step",
    ),
    "a gradient is not looked at": Mutant(
        f"{LIBRARY}/trainer/finite.py", "trainer.accelerator.clip_grad_norm_ = checked_clip", "pass",
        "unit/trainer/test_finite.py::test_a_loss_and_a_norm_that_are_not_are_refused_in_their_step",
    ),
    "weights are not looked at": Mutant(
        f"{LIBRARY}/training.py", "_proved(_chosen(job, key, last), job)", "_chosen(job, key, last)",
        "unit/test_training.py::test_weights_that_are_not_finite_are_never_published",
    ),
    "an end is taken for the last step": Mutant(
        f"{LIBRARY}/training.py", "while last is None or not last.is_final:", "while last is None:",
        "unit/test_training.py::test_a_killed_trainer_goes_on_and_ends_the_same",
    ),
    "the folder is not locked": Mutant(
        f"{LIBRARY}/work_lease.py", "fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)", "pass",
        "unit/test_work_lease.py::test_what_a_dead_owner_left_running_is_waited_for",
    ),
    "a silent owner elsewhere is not waited for": Mutant(
        f"{LIBRARY}/work_lease.py", "if lives is None and (silent >= STALE_SECONDS", "if lives is None and (True",
        "unit/test_work_lease.py::test_an_owner_on_another_machine_is_respected_as_soon_as_it_beats[0]",
    ),
    "who came first is not served first": Mutant(
        f"{LIBRARY}/turns.py", "if other < number", "if other < 0",
        "unit/test_gpus.py::test_who_comes_later_is_not_served_before_one_that_sleeps_when_its_turn_comes",
    ),
    "a gradient norm of -1 is one": Mutant(
        f"{LIBRARY}/trainer/finite.py", "math.nan if -math.inf < norm < 0 else norm", "norm",
        "unit/trainer/test_finite.py::test_what_deepspeed_makes_of_a_norm_in_bfloat16_is_refused_too[-1.0]",
    ),
    "two steps of a Slurm job are one writer": Mutant(
        f"{LIBRARY}/work_lease.py", 'restarts < ours["restarts"]', "True",
        "unit/test_work_lease.py::test_two_steps_of_one_slurm_job_keep_each_other_out[1]",
    ),
    "an adapter of other weights is trained on": Mutant(
        f"{LIBRARY}/adapter.py", "elif of != base_weights:", "elif False:",
        "unit/test_adapter.py::test_one_of_other_weights_of_the_same_shapes_is_refused",
    ),
    "output is taken for progress": Mutant(
        f"{LIBRARY}/supervisor/watchdog.py", "self._received() if speaks else None", "self._received()",
        "unit/supervisor/test_watchdog.py::test_after_the_first_step_output_is_no_sign",
    ),
    "two may merge at once": Mutant(
        f"{LIBRARY}/merging.py", "with work_lease.held(output):", "if True:",
        "scripts/test_merge.py::test_a_second_launcher_leaves_the_first_ones_work_alone",
    ),
    "a lost piece is not missed": Mutant(
        f"{LIBRARY}/checkpoints.py", "sorted(_needed(seal) - seal.files.keys())", "[]",
        "unit/test_checkpoints.py::test_one_that_was_sealed_without_what_a_resume_needs_is_refused",
    ),
    "a resumed model has the experts of the base": Mutant(
        f"{LIBRARY}/trainer/resumed_weights.py", "trainer._load_from_checkpoint = read_whole", "pass",
        "unit/trainer/test_resumed_weights.py::test_every_weight_of_a_checkpoint_is_read", swift=True,
    ),
    "a resumed schedule writes into an optimizer that is not used": Mutant(
        f"{LIBRARY}/trainer/learning_rate.py",
        "schedule.optimizer.param_groups = trainer.optimizer.param_groups", "pass",
        "unit/trainer/test_learning_rate.py::test_the_schedule_reaches_the_optimizer_that_was_read[True]",
        swift=True,
    ),
    "a port that was just left is refused": Mutant(
        f"{LIBRARY}/rollout_server.py", "or _listens(port) or", "or True or",
        "unit/test_rollout_server.py::test_a_port_that_a_server_has_left_is_waited_for",
    ),
    "a server does not hold its GPUs": Mutant(
        f"{LIBRARY}/rollout_server.py", "pass_fds=keep_open", "pass_fds=()",
        "unit/test_rollout_server.py::test_the_locks_of_its_gpus_are_held_as_long_as_it_lives",
    ),
    "another row's media are learned from": Mutant(
        f"{LIBRARY}/trainer/agreement.py", 'return "own" if mean > 0 else "other"', 'return "own"',
        "unit/trainer/test_agreement.py::test_which_media_completions_were_made_from",
    ),
    "an old verdict speaks of a new attempt": Mutant(
        f"{LIBRARY}/verdict.py", "self._told = alive.read(path)\n        path.unlink(missing_ok=True)",
        "self._told = alive.read(path)",
        "unit/test_verdict.py::test_what_an_earlier_start_left_is_no_word_on_one_that_was_killed[True]",
    ),
    "a signal ends what is not supervised without a word": Mutant(
        f"{LIBRARY}/verdict.py", "with signals.stopping(), alive.noted", "with alive.noted",
        "unit/test_verdict.py::"
        "test_who_is_asked_to_end_while_nothing_is_supervised_says_so_and_is_not_tried_again[True-15]",
    ),
    "a person's stop is tried again": Mutant(
        f"{LIBRARY}/training.py", "error.hopeless = asked", "error.hopeless = False",
        "unit/test_training.py::test_a_run_that_was_stopped_is_not_complete_and_goes_on_from_where_it_was",
    ),
    "what it survived forbids another try": Mutant(
        f"{LIBRARY}/supervisor/failures.py", "last if failure.code in HOPELESS else 0", "0",
        "unit/supervisor/test_failures.py::test_what_it_survived_is_not_why_it_ended_for_good[tail0-80]",
    ),
}  # fmt: skip
FEW = list(MUTANTS)[:2]


@pytest.mark.parametrize("name", full(FEW, list(MUTANTS)))
def test_a_test_fails_when(name: str, swift_python: Path, tmp_path: Path, count: Count) -> None:
    mutant = MUTANTS[name]
    for part in ("rules", "workflow", "config", "docs", "tests", "profiles", "envs"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    for part in ("Snakefile", "pyproject.toml"):
        shutil.copy(ROOT / part, tmp_path)
    path = tmp_path / mutant.file
    text = path.read_text()
    assert text.count(mutant.line) == 1
    path.write_text(text.replace(mutant.line, mutant.instead))
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    runner = [swift_python, "tests/run_swift.py"] if mutant.swift else [sys.executable, "-m", "pytest"]
    argv = [*runner, "-q", "-p", "no:cacheprovider", f"tests/{mutant.test}"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"FAILED tests/{mutant.test}" in done.stdout
    count("mutants killed by a test")
