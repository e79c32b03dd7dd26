"""Where environments lie, when they are ready, and how they are built; nothing is installed here."""

import subprocess
import sys
from pathlib import Path

import pytest

from omnitune import environments
from omnitune.errors import PipelineError

SCRIPTS = Path(__file__).parents[2] / "workflow" / "scripts"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with lock files and a cache folder of its own."""
    monkeypatch.setattr(environments, "ROOT", tmp_path)
    monkeypatch.setenv("OMNITUNE_ENV_DIR", str(tmp_path / "cache"))
    (tmp_path / "envs").mkdir()
    for name in ("pipeline", "swift", "dev", "bootstrap", "vllm-cpu"):
        (tmp_path / f"envs/{name}.lock.txt").write_text(f"{name}==1\n")
    return tmp_path


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """argv of every command that would have run; `venv` makes the folder."""
    ran: list[list[str]] = []

    def run(argv, **_) -> subprocess.CompletedProcess[str]:
        ran.append(list(argv))
        if "venv" in argv:
            Path(argv[-1], "bin").mkdir(parents=True)
        return subprocess.CompletedProcess(argv, 0)

    monkeypatch.setattr(environments.subprocess, "run", run)
    return ran


def test_the_cache_folder_is_the_users_unless_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("OMNITUNE_ENV_DIR", "~/envs")
    assert environments.cache_folder() == Path.home() / "envs"
    monkeypatch.delenv("OMNITUNE_ENV_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert environments.cache_folder() == tmp_path / "omnitune"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert environments.cache_folder() == Path.home() / ".cache/omnitune"


def test_swift_is_shared_by_its_lock_and_the_pipeline_is_the_checkouts(place: Path):
    assert environments.folder("pipeline") == place / ".venv"
    first = environments.folder("swift")
    assert first.parent == place / "cache"
    (place / "envs/swift.lock.txt").write_text("swift==2\n")
    assert environments.folder("swift") != first
    assert environments.python("swift", "/site") == Path("/site/bin/python")


def test_it_is_built_once(place: Path, commands: list[list[str]]):
    assert not environments.is_ready("swift")
    assert environments.install("swift") is True
    assert environments.is_ready("swift")
    folder = environments.folder("swift")
    assert commands[0] == [sys.executable, "-m", "venv", str(folder)]
    assert all("--require-hashes" in argv for argv in commands[1:])
    assert "--no-deps" in commands[-1], "the lock file is the whole of it"
    assert [argv[-1] for argv in commands[1:]] == [
        str(place / f"envs/{n}.lock.txt") for n in ("bootstrap", "swift")
    ]
    count = len(commands)
    assert environments.install("swift") is False
    assert len(commands) == count


def test_a_half_built_one_is_built_anew(place: Path, commands: list[list[str]]):
    left = environments.folder("pipeline") / "lib" / "half"
    left.mkdir(parents=True)
    assert environments.install("pipeline") is True
    assert not left.exists()


def test_a_changed_lock_makes_the_pipeline_stale(place: Path, commands: list[list[str]]):
    environments.install("pipeline")
    (place / "envs/pipeline.lock.txt").write_text("pipeline==2\n")
    assert not environments.is_ready("pipeline")
    assert environments.install("pipeline") is True


def test_a_failed_installation_is_not_ready(place: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(environments.subprocess, "run", lambda argv, **_: subprocess.CompletedProcess(argv, 1))
    with pytest.raises(PipelineError) as failed:
        environments.install("swift")
    assert str(failed.value) == (
        f"could not create the environment (`{sys.executable}` ended with 1). "
        "Its message stands above; mend that (disk, network, index settings) and run make setup again."
    )
    assert failed.value.code == 74
    assert not environments.is_ready("swift")


def test_the_test_tools_are_added_once_a_lock(place: Path, commands: list[list[str]]):
    (place / ".venv").mkdir()
    assert environments.add_extra("dev") is True
    assert environments.add_extra("dev") is False
    assert len(commands) == 1
    (place / "envs/dev.lock.txt").write_text("dev==2\n")
    assert environments.add_extra("dev") is True


def test_what_is_not_installed_is_asked_for(place: Path):
    with pytest.raises(PipelineError) as refused:
        environments.require("swift")
    assert str(refused.value) == "The swift environment is not installed. Run: make setup"
    assert refused.value.code == 78


@pytest.mark.parametrize(
    ("engine", "device", "name"),
    [
        ("transformers", "cuda", "swift"), ("transformers", "cpu", "swift"), ("vllm", "cuda", "vllm"),
        ("colocate", "cuda", "vllm"), ("server", "cpu", "vllm-cpu"),
    ],
)  # fmt: skip
def test_what_generates_decides_the_environment(engine: str, device: str, name: str):
    assert environments.of_engine(engine, device) == name


def test_one_with_vllm_is_built_when_a_run_needs_it_and_swift_is_asked_for(place: Path, commands: list[list[str]]):
    assert environments.provide("vllm-cpu") == environments.folder("vllm-cpu") / "bin/python"
    count = len(commands)
    assert count == 3
    environments.provide("vllm-cpu")
    assert len(commands) == count
    with pytest.raises(PipelineError, match=r"The swift environment is not installed\. Run: make setup"):
        environments.provide("swift")
    with pytest.raises(PipelineError, match=r"envs\.vllm: there is no /site/bin/python"):
        environments.provide("vllm", "/site")


def test_each_lock_file_has_hashes_and_names_no_place():
    for path in sorted((environments.ROOT / "envs").glob("*.lock.txt")):
        lines = path.read_text().splitlines()
        pins = [line for line in lines if "==" in line and not line.startswith((" ", "#"))]
        assert pins, path
        assert all(line.endswith("\\") for line in pins), "a hash follows"
        assert not [line for line in lines if "://" in line or line.startswith("-")], path


def test_a_sites_own_environment_must_exist_and_is_not_built(place: Path):
    with pytest.raises(PipelineError) as refused:
        environments.require("swift", str(place / "own"))
    assert str(refused.value) == (
        f"envs.swift: there is no {place}/own/bin/python. "
        "Name the folder of a Python environment (it holds bin/python), or remove the key."
    )
    (place / "own/bin").mkdir(parents=True)
    (place / "own/bin/python").touch()
    assert environments.require("swift", str(place / "own")) == place / "own/bin/python"


def test_the_module_needs_the_standard_library_only():
    """The system's Python runs it before anything is installed."""
    code = "import sys; from omnitune import environments; print('site' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(SCRIPTS)!r}); {code}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("False\n", "")
