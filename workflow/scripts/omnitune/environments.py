"""Where each Python environment lies, and how it is built from its lock file.

Standard library only: the system's Python runs this before anything is installed.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from omnitune.errors import ExitCode, PipelineError

ROOT = Path(__file__).resolve().parents[3]
ENVIRONMENTS = ("pipeline", "swift", "vllm", "vllm-cpu")
# Added to .venv on request: who needs neither should not wait for them at every start.
EXTRAS = {"dev": "the test tools", "slurm": "the Slurm executor"}
OLDEST_PYTHON = (3, 11)
_STAMP = ".omnitune-ready"


def lock_file(name: str) -> Path:
    """The resolved, hashed requirements of an environment."""
    return ROOT / "envs" / f"{name}.lock.txt"


def lock_hash(name: str) -> str:
    """A short hash of the pinned packages and the minor version of Python; comments do not count."""
    version = "{}.{}".format(*sys.version_info[:2]).encode()
    pins = b"".join(
        line for line in lock_file(name).read_bytes().splitlines() if not line.lstrip().startswith(b"#")
    )
    return hashlib.sha256(version + pins).hexdigest()[:12]


def cache_folder() -> Path:
    """$OMNITUNE_ENV_DIR, else omnitune in the user's cache folder."""
    if chosen := os.environ.get("OMNITUNE_ENV_DIR"):
        return Path(chosen).expanduser().absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "omnitune"


def folder(name: str) -> Path:
    """`.venv` in the checkout for the pipeline; the others are shared by all checkouts with the same lock."""
    return ROOT / ".venv" if name == "pipeline" else cache_folder() / f"{name}-{lock_hash(name)}"


def of_engine(engine: str, device: str) -> str:
    """The environment of a stage.

    Args:
        engine: what generates in it: transformers, or vLLM in any of its modes.
        device: cuda or cpu.
    """
    if engine == "transformers":
        return "swift"
    return "vllm-cpu" if device == "cpu" else "vllm"


def python(name: str, own: str | None = None) -> Path:
    """The interpreter of an environment.

    Args:
        name: one of ENVIRONMENTS.
        own: the site's own environment folder (config `envs.{name}`), used instead of ours.
    """
    return (Path(own).expanduser() if own else folder(name)) / "bin" / "python"


def is_ready(name: str) -> bool:
    """Whether the environment was built to its end from the present lock file."""
    stamp = folder(name) / _STAMP
    return stamp.is_file() and stamp.read_text() == lock_hash(name)


def require(name: str, own: str | None = None) -> Path:
    """The interpreter of an environment that must exist; raises PipelineError with the fix."""
    path = python(name, own)
    if own and not path.exists():
        raise PipelineError(
            f"there is no {path}",
            where=f"envs.{name}",
            fix="Name the folder of a Python environment (it holds bin/python), or remove the key.",
        )
    if not own and not is_ready(name):
        made_by = "make setup" if name in ("pipeline", "swift") else f"make {name}"
        raise PipelineError(f"The {name} environment is not installed", fix=f"Run: {made_by}")
    return path


def provide(name: str, own: str | None = None) -> Path:
    """As `require`, but an environment with vLLM is built when it is not there: few runs need one."""
    if not own and name.startswith("vllm"):
        install(name)
    return require(name, own)


def install(name: str) -> bool:
    """Build the environment unless it is ready; returns whether anything was done."""
    if is_ready(name):
        return False
    target = folder(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    with _only_one(target.parent / f"{target.name}.lock"):
        if is_ready(name):  # another process built it while we waited
            return False
        print(f"{name}: installing into {target}", flush=True)
        # Half of an environment is not repaired: what a killed install left cannot be told from a good one.
        shutil.rmtree(target, ignore_errors=True)
        _command("create the environment", sys.executable, "-m", "venv", str(target))
        interpreter = target / "bin" / "python"
        _command(
            "install the installer", str(interpreter), "-m", "pip", "install", "--quiet",
            "--disable-pip-version-check", "--require-hashes", "-r", str(lock_file("bootstrap")),
        )  # fmt: skip
        add(name, target)
        (target / _STAMP).write_text(lock_hash(name))
    return True


def add(name: str, target: Path) -> None:
    """Install the packages of a lock file into an environment that exists."""
    # --no-deps: a lock file names every package, and resolving again would refuse the overrides it was made with.
    # DS_BUILD_OPS=0: DeepSpeed compiles an extension when it is first used, not at installation. Bytecode now:
    # where Python may write none (a read-only site, PYTHONDONTWRITEBYTECODE), every start would compile it again.
    _command(
        f"install {name}", str(target / "bin" / "uv"), "pip", "install", "--quiet", "--no-deps",
        "--require-hashes", "--compile-bytecode", "--python", str(target / "bin" / "python"),
        "-r", str(lock_file(name)), DS_BUILD_OPS="0",
    )  # fmt: skip


def add_extra(name: str) -> bool:
    """Add the packages of EXTRAS[name] to `.venv`; returns whether anything was done."""
    stamp = folder("pipeline") / f"{_STAMP}-{name}"
    if stamp.is_file() and stamp.read_text() == lock_hash(name):
        return False
    print(f"{name}: installing {EXTRAS[name]} into .venv", flush=True)
    add(name, folder("pipeline"))
    stamp.write_text(lock_hash(name))
    return True


def _command(purpose: str, *argv: str, **environment: str) -> None:
    done = subprocess.run(argv, env={**os.environ, **environment}, check=False)
    if done.returncode:
        raise PipelineError(
            f"could not {purpose} (`{argv[0]}` ended with {done.returncode})",
            fix="Its message stands above; mend that (disk, network, index settings) and run make setup again.",
            code=ExitCode.DISK,
        )


@contextmanager
def _only_one(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
