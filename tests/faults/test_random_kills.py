"""A training that is killed again and again, at any moment, by the command that Snakemake runs."""

import random
import re
import shutil
import time
from pathlib import Path

import looks
import psutil
import pytest
from full import full
from small_job import small_job, start
from tally import Count

KILLS = full(15, 100)
SLOW = "slow@0.03"  # a step; a save and the publishing take as long


@pytest.mark.parametrize("seed", full([1], [1, 2, 3, 4]))
def test_no_kill_costs_more_than_the_steps_since_the_last_checkpoint(
    seed: int, fake_python: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: Count
) -> None:
    """Trainer or supervisor get SIGKILL after a random time; the same command follows, until it is done."""
    monkeypatch.chdir(tmp_path)
    job, said, dice = small_job(fake_python), Path("said"), random.Random(seed)

    begun = time.monotonic()
    assert start(job, said, SLOW).wait() == 0, said.read_text()
    takes = time.monotonic() - begun
    whole = looks.model(job.output)
    shutil.rmtree("sft")

    wanted = kills = KILLS // full(1, 4)
    steps = 0  # done before the kill, of which a checkpoint was taken at `sealed`
    while kills:
        begun = time.monotonic()
        process = start(job, said, SLOW)
        time.sleep(dice.uniform(0, takes))
        if process.poll() is None:
            kills -= 1
            _kill(process.pid, dice.choice(["trainer", "supervisor"]))
        code = process.wait()
        assert code in (0, -9, 137), said.read_text()
        resumed = re.search(r"Resuming from step (\d+) of 8\.", said.read_text())
        assert not resumed or int(resumed[1]) >= steps - job.arguments["save_steps"]
        steps = looks.last_step(job.work)
        assert looks.newest_sealed(job.work) >= steps - job.arguments["save_steps"]
        found = looks.model(job.output)
        assert found == (whole if code == 0 else found and whole)
        if code == 0:
            takes = time.monotonic() - begun
            shutil.rmtree("sft")
            steps = 0
    assert start(job, said).wait() == 0, said.read_text()
    assert looks.model(job.output) == whole
    assert [path.name for path in Path("sft").glob(".model*")] == []
    count("kills of a fake training survived", wanted)


def _kill(pid: int, victim: str) -> None:
    """Kill the trainer if it is there, else its supervisor; nothing of them may be left."""
    family, trainers = looks.family_of(pid), looks.trainers_of(pid)
    for process in trainers if victim == "trainer" and trainers else [psutil.Process(pid)]:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            return
    _, alive = psutil.wait_procs(family, looks.SURVIVE_SECONDS)
    assert alive == []
