"""One child command: its output, its end by every hand, and nothing left of it."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from children import SLEEP, all_gone, family, pids, run, wait_for, when_started

from omnitune import launcher, supervisor
from omnitune.errors import PipelineError

# A command that ends when a file is there, or after a minute or two.
UNTIL_STOP = ["sh", "-c", "n=0; until [ -e stop ] || [ $((n += 1)) -gt 1200 ]; do sleep 0.05; done"]


def failure(code: str, **options) -> PipelineError:
    with pytest.raises(PipelineError) as failed:
        run(code, **options)
    return failed.value


def test_output_and_errors_go_to_one_log_from_its_beginning():
    Path("child.log").write_text("of an earlier attempt")
    run("import sys; print('out', flush=True); print('err', file=sys.stderr)")
    assert Path("child.log").read_text() == "out\nerr\n"


def test_the_child_has_no_input_and_a_group_of_its_own():
    run("import os, sys; assert sys.stdin.read() == ''; print(os.getpid() == os.getpgid(0) == os.getsid(0))")
    assert Path("child.log").read_text() == "True\n"


def test_progress_is_printed_while_it_runs(capsys: pytest.CaptureFixture[str]):
    lines = iter(["step 1", None, "step 2"])
    seen = []

    def progress() -> str | None:
        seen.append(next(lines, None))
        if len(seen) == 3:
            Path("stop").touch()
        return seen[-1]

    run(
        "import os, time\nwhile not os.path.exists('stop'): time.sleep(0.01)",
        progress=progress,
        progress_seconds=0,
    )
    assert capsys.readouterr().out == "step 1\nstep 2\n"


def test_progress_reaches_the_terminal_behind_the_log_with_the_commands_name():
    reading, writing = os.pipe()
    with os.fdopen(reading) as terminal:
        supervisor.run(
            UNTIL_STOP, env={}, log=Path("logs/small/main/train_sft.swift.log"),
            progress=lambda: Path("stop").touch() or "step 1", progress_seconds=0, echo=writing,
        )  # fmt: skip
        os.close(writing)
        assert terminal.read() == "small/main/train_sft: step 1\n"


def test_a_terminal_that_is_paused_holds_nobody_up():
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writing, bytes(4096))
    os.set_blocking(writing, True)
    numbers = iter(range(1000))

    def progress() -> str:
        if (number := next(numbers)) == 3:
            Path("stop").touch()
        return str(number)

    supervisor.run(
        UNTIL_STOP, env={}, log=Path("logs/a/b.log"), progress=progress, progress_seconds=0, echo=writing
    )
    os.close(reading)
    os.close(writing)


def test_a_failure_is_told_at_the_end_of_the_log_too():
    error = failure("import sys; sys.stdout.write('ValueError: x'); sys.exit(3)")
    assert Path("child.log").read_text() == f"ValueError: x\nerror: {error}\n"


def test_what_the_child_leaves_behind_is_killed_when_it_ends_well():
    run(family(last=""))
    wait_for(all_gone)


def test_what_a_failed_child_leaves_behind_is_killed():
    assert failure(family(last="sys.exit(3)")).what.startswith("ms-swift ended with 3")
    wait_for(all_gone)


def test_a_killed_child_takes_along_what_it_put_into_another_session():
    """torch's launcher does so with its ranks, and hands on no SIGKILL."""
    assert failure(family(last="os.kill(os.getpid(), signal.SIGKILL)", apart=True)).code == 137
    wait_for(all_gone)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_family_and_is_told_as_an_interrupt(number: signal.Signals):
    before = signal.getsignal(number)
    thread = when_started(lambda: os.kill(os.getpid(), number))
    error = failure(family())
    thread.join()
    assert str(error) == f"Stopped by {number.name}. Run the same command again: it goes on from what is whole."
    assert error.code == 85
    assert isinstance(error, supervisor.Stopped)
    wait_for(all_gone)
    assert signal.getsignal(number) == before


def test_a_command_that_has_ended_of_the_same_signal_when_it_is_looked_at_was_stopped_too():
    """Told to all at once, as by Slurm."""

    def told_to_both() -> None:
        (child,) = pids()
        for pid in (os.getpid(), child):
            os.kill(pid, signal.SIGTERM)
        wait_for(all_gone)

    error = failure(f"import os; open('new', 'w').write(str(os.getpid())); os.rename('new', 'pids'); {SLEEP}",
                    check=told_to_both)  # fmt: skip
    assert isinstance(error, supervisor.Stopped)
    assert (error.what, error.code) == ("Stopped by SIGTERM", 85)


def test_the_end_of_the_launcher_ends_the_family(monkeypatch: pytest.MonkeyPatch):
    with subprocess.Popen([sys.executable, "-c", SLEEP]) as snakemake:
        monkeypatch.setenv(launcher.VARIABLE, str(snakemake.pid))
        thread = when_started(snakemake.kill)  # it stays a zombie until the block ends
        error = failure(family())
        thread.join()
    assert error.what == "Stopped by the end of Snakemake"
    assert error.code == 85
    wait_for(all_gone)


def test_a_launcher_that_is_gone_already_ends_the_command(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(launcher.VARIABLE, "4194305")  # above the kernel's largest pid
    assert failure(family()).what == "Stopped by the end of Snakemake"
    wait_for(all_gone)


@pytest.mark.parametrize("pid", ["", "no number"])
def test_without_a_launcher_there_is_nothing_to_watch(monkeypatch: pytest.MonkeyPatch, pid: str):
    monkeypatch.setenv(launcher.VARIABLE, pid)
    run("print('done')")


def test_the_error_of_a_rank_is_told_not_that_the_launcher_lost_it():
    launcher = "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: "
    lines = ["[rank0]: AttributeError: no read_video", "    raise ChildFailedError(", launcher, "exitcode  : 1"]
    error = failure(f"import sys; print({chr(10).join(lines)!r}); sys.exit(1)")
    assert error.what == "ms-swift ended with 1: [rank0]: AttributeError: no read_video"


def test_an_unknown_failure_names_its_last_error_and_the_log():
    code = "import sys; print('ValueError: first'); print('[rank1]: KeyError: 7'); print('bye'); sys.exit(4)"
    error = failure(code)
    assert str(error) == (
        "child.log: ms-swift ended with 4: [rank1]: KeyError: 7. Its whole output is in that file."
    )
    assert error.code == 80


@pytest.mark.parametrize(
    ("text", "last"), [("", "no output"), ("one\n\n  two  \n", "two"), ("x" * 999, "x" * 300)]
)
def test_without_an_error_the_last_line_is_told(text: str, last: str):
    error = failure(f"import sys; sys.stdout.write({text!r}); sys.stdout.flush(); sys.exit(1)")
    assert error.what == f"ms-swift ended with 1: {last}"


def test_a_killed_child_is_told_as_killed():
    error = failure("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert error.what == "ms-swift was killed, by hand or because the machine's memory was used up"
    assert error.code == 137


def test_a_log_of_binary_rubbish_is_read_from_its_end():
    code = (
        "import sys; sys.stdout.buffer.write(b'CUDA out of memory\\n' + bytes(range(256)) * 400); "
        "sys.stdout.buffer.write(b'\\n\\xff\\xfeValueError: x\\nRuntimeError: caf\\xe9\\n'); sys.exit(1)"
    )
    error = failure(code)
    assert error.code == 80, "what stands far from the end does not count"
    assert error.what == "ms-swift ended with 1: RuntimeError: caf\N{REPLACEMENT CHARACTER}"


def test_an_interpreter_that_is_gone_is_named(tmp_path: Path):
    with pytest.raises(FileNotFoundError) as failed:
        supervisor.run(["/no/python"], env={}, log=tmp_path / "child.log")
    assert failed.value.filename == "/no/python"
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_a_variable_exported_by_chance_does_not_reach_the_child(monkeypatch: pytest.MonkeyPatch):
    for name in ("MAX_PIXELS", "HF_TOKEN", "NPROC_PER_NODE", "XPATH", "PATHS", "PYTHONSTARTUP", "WANDB_API_KEY"):
        monkeypatch.setenv(name, "1")
    for name in ("CUDA_VISIBLE_DEVICES", "LC_ALL", "OMP_NUM_THREADS", "OMNITUNE_FAKE", "NCCL_DEBUG"):
        monkeypatch.setenv(name, "kept")
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    found = supervisor.environment({"FPS_MAX_FRAMES": "12"})
    assert not {
        "MAX_PIXELS",
        "HF_TOKEN",
        "NPROC_PER_NODE",
        "XPATH",
        "PATHS",
        "PYTHONSTARTUP",
        "WANDB_API_KEY",
    } & set(found)
    assert [name for name, value in sorted(found.items()) if value == "kept"] == [
        "CUDA_VISIBLE_DEVICES",
        "LC_ALL",
        "NCCL_DEBUG",
        "OMNITUNE_FAKE",
        "OMP_NUM_THREADS",
    ]
    assert found["PATH"] == os.environ["PATH"]
    assert found["HF_HUB_OFFLINE"] == "1"
    assert found["FPS_MAX_FRAMES"] == "12"
    assert found["PYTORCH_CUDA_ALLOC_CONF"] == "expandable_segments:True"  # as in the bash scripts
