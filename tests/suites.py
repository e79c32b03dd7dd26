"""The suites of `make test-full`: tests whose full counts would make `make test` too long.

.venv/bin/python tests/suites.py SUITE [pytest arguments]
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
NO_TESTS = 5  # pytest's exit code


class Suite(NamedTuple):
    """What is run, and the variables of the environment that ask for full counts (tests/full.py)."""

    about: str
    paths: tuple[str, ...]
    environment: dict[str, str]


SUITES = {
    "gate": Suite(
        "every bad and good row and file, in every form and at every level, planted faults, a million rows",
        (
            "tests/gate",
            "tests/unit/converters",
            "tests/unit/media",
            "tests/unit/readers",
            "tests/unit/tokens",
            "tests/unit/validation",
            "tests/scripts/test_convert.py",
            "tests/scripts/test_scale.py",
            "tests/scripts/test_split.py",
            "tests/scripts/test_validate.py",
            "tests/workflow/test_planted_faults.py",
        ),
        {},
    ),
    "fuzz": Suite(
        "bytes of rows and media changed at random, for 30 minutes",
        ("tests/gate/test_row_fuzz.py", "tests/gate/test_media_fuzz.py", "tests/gate/test_media_peers.py"),
        {"OMNITUNE_FUZZ_SECONDS": "1800"},
    ),
    "faults": Suite(
        "kills, hangs, damaged checkpoints, full disks, NaN, races and mutants",
        (
            "tests/faults",
            "tests/unit/supervisor",
            "tests/unit/trainer",
            "tests/unit/test_artifact.py",
            "tests/unit/test_checkpoints.py",
            "tests/unit/test_gpus.py",
            "tests/unit/test_merging.py",
            "tests/unit/test_publish.py",
            "tests/unit/test_seals.py",
            "tests/unit/test_training.py",
            "tests/unit/test_verdict.py",
            "tests/unit/test_work_lease.py",
            "tests/scripts/test_merge.py",
            "tests/workflow/test_gpu_leases.py",
            "tests/workflow/test_killed_snakemake.py",
            "tests/workflow/test_merge_proof.py",
            "tests/e2e/test_best.py",
            "tests/e2e/test_full.py",
            "tests/e2e/test_not_finite.py",
            "tests/e2e/test_out_of_memory.py",
            "tests/e2e/test_processes.py",
            "tests/e2e/test_resume.py",
            "tests/e2e/test_resume_all_weights.py",
        ),
        {},
    ),
    "grpo": Suite(
        "GRPO killed, each rollout mode, planted faults of rewards, the planner's published trainings",
        (
            "tests/faults/test_grpo_kills.py",
            "tests/unit/fit",
            "tests/unit/reward_lab",
            "tests/unit/rewards",
            "tests/unit/trainer",
            "tests/unit/test_completions.py",
            "tests/unit/test_empty_completions.py",
            "tests/unit/test_grpo_args.py",
            "tests/unit/test_media_tokens.py",
            "tests/unit/test_reward_plugin.py",
            "tests/unit/test_rewards.py",
            "tests/unit/test_rollout_server.py",
            "tests/workflow/test_grpo_run.py",
            "tests/e2e/test_grpo.py",
            "tests/e2e/test_rollouts.py",
        ),
        {},
    ),
    "gpu": Suite("the demo, kills, vLLM and leases on one GPU, better two", ("tests/gpu",), {}),
}


def main(argv: list[str]) -> int:
    """Run a suite's tests, then those that measure, by themselves, then those that need the swift environment.

    Returns the worst of pytest's exit codes.
    """
    name, *more = argv or [""]
    if name not in SUITES:
        said = f"there is no suite {name!r}" if name else "SUITE is missing"
        print(f"error: {said}. Run: make test-full SUITE=name, with one of these:", file=sys.stderr)
        for known, suite in SUITES.items():
            print(f"  {known:6} {suite.about}", file=sys.stderr)
        sys.exit(2)
    suite = SUITES[name]
    # What a person has set already, a shorter fuzz for example, is left.
    environment = {"OMNITUNE_FULL": "1", **suite.environment, **os.environ}
    where = [sys.executable, "workflow/scripts/environment.py", "--where", "swift"]
    swift = subprocess.run(where, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    pytest = [sys.executable, "-m", "pytest", *suite.paths]
    commands = (
        [*pytest, "-m", "not alone and not swift", *more],
        [*pytest, "-m", "alone and not swift", *more, "--numprocesses", "0"],
        [swift, "tests/run_swift.py", *suite.paths, *more],
    )
    codes = [subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode for command in commands]
    # A pytest that was killed has a negative code.
    return max((abs(code) for code in codes if code != NO_TESTS), default=NO_TESTS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
