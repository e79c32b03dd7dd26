"""environment.py with the system's Python: what is ready costs nothing, what is unknown is refused."""

import os
import subprocess
import sys
from pathlib import Path

from omnitune import environments

SCRIPT = environments.ROOT / "workflow/scripts/environment.py"


def environment(*names: str, **variables: str) -> subprocess.CompletedProcess[str]:
    # -E -s -S: nothing but the standard library, as on a fresh machine.
    line = [sys.executable, "-E", "-s", "-S", SCRIPT, *names]
    return subprocess.run(line, env={**os.environ, **variables}, capture_output=True, text=True, check=False)


def test_what_is_ready_is_left_alone_without_a_word():
    assert environments.is_ready("pipeline"), "the tests run in it"
    done = environment("pipeline")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_an_unknown_environment_is_a_wrong_command_line():
    done = environment("conda")
    assert done.returncode == 2
    assert "invalid choice: 'conda'" in done.stderr


def test_a_cache_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path):
    (tmp_path / "file").touch()
    done = environment("swift", OMNITUNE_ENV_DIR=str(tmp_path / "file" / "envs"))
    assert (done.returncode, done.stderr) == (74, f"error: {tmp_path}/file/envs: Not a directory.\n")
