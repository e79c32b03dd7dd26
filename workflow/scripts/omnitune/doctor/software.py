"""Python, the two environments against their locks, and the tools that are called by name."""

import os
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from omnitune import environments
from omnitune.doctor.check import Check
from omnitune.doctor.pins import differences, installed, pins, site_packages
from omnitune.doctor.wants import Wants
from omnitune.errors import PipelineError

_OLDEST = "{}.{}".format(*environments.OLDEST_PYTHON)
_SHOWN = 3


def check_python(wants: Wants) -> Iterator[Check]:
    """The Python that `make` would build with, and the one of .venv."""
    name = os.environ.get("PYTHON") or "python3"
    found = shutil.which(name)
    version = _ask(found) if found else ""
    fix = f"Install Python {_OLDEST} or newer, or name one: make PYTHON=/path/to/python3"
    if not found:
        yield Check("python", "lacking", f"there is no {name}", fix)
    elif not version:
        yield Check("python", "lacking", f"{found} does not run", fix)
    else:
        yield _judged("python", version, f"{version} ({found})", fix)
    version = venv_version(environments.folder("pipeline"))
    if not version:
        yield Check("python .venv", "lacking", ".venv is not there or not whole", "Run: make setup")
    else:
        yield _judged("python .venv", version, version, f"{fix}, and run: make setup")


def _judged(name: str, version: str, found: str, fix: str) -> Check:
    if _numbers(version) < environments.OLDEST_PYTHON:
        return Check(name, "lacking", f"{found} is older than {_OLDEST}", fix)
    return Check(name, "ok", found)


def _ask(interpreter: str) -> str:
    program = "import sys; print('%d.%d.%d' % sys.version_info[:3])"
    try:
        done = subprocess.run(
            [interpreter, "-I", "-S", "-c", program], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    version = done.stdout.strip()
    return version if done.returncode == 0 and _numbers(version) else ""


def venv_version(folder: Path) -> str:
    """The version that an environment's pyvenv.cfg names; empty when it is no environment."""
    try:
        lines = (folder / "pyvenv.cfg").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    values = {key.strip(): value.strip() for key, _, value in (line.partition("=") for line in lines)}
    version = values.get("version") or values.get("version_info", "")
    return version if _numbers(version) and (folder / "bin" / "python").exists() else ""


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.split(".")[:2]
    return tuple(map(int, parts)) if len(parts) == 2 and all(part.isdecimal() for part in parts) else ()


def check_pipeline(wants: Wants) -> Iterator[Check]:
    """.venv against its lock."""
    yield _environment("pipeline")


def check_swift(wants: Wants) -> Iterator[Check]:
    """ms-swift's environment against its lock; a site's own one only in what can change a result."""
    yield _own(wants.swift_env) if wants.swift_env else _environment("swift")


def _environment(name: str) -> Check:
    label, folder, lock = f"env {name}", environments.folder, environments.lock_file(name)
    try:
        wanted = pins(lock)
        ready = environments.is_ready(name)
    except PipelineError as error:
        return _bad_lock(label, lock, error)
    place = folder(name)
    if not ready:
        state = "is not built from the present lock" if place.is_dir() else "is not there"
        return Check(label, "lacking", f"{place} {state}", "Run: make setup")
    wrong = differences(wanted, installed(site_packages(place)))
    if wrong:
        # The stamp of a finished installation is there, so `make setup` alone would do nothing.
        return Check(label, "lacking", f"{place}: {_list(wrong)}", f"Run: rm -r {place} && make setup")
    return Check(label, "ok", f"{place}: {len(wanted)} packages as the lock says")


def _own(folder: str) -> Check:
    from omnitune.swift_process import PACKAGES  # brings the whole config with it

    place = Path(folder).expanduser()
    if not environments.python("swift", folder).exists():
        fix = "Name the folder of a Python environment in envs.swift, or remove the key."
        return Check("env swift", "lacking", f"envs.swift: there is no {place}/bin/python", fix)
    lock = environments.lock_file("swift")
    try:
        wanted = {name: version for name, version in pins(lock).items() if name in PACKAGES}
    except PipelineError as error:
        return Check(
            "env swift", "lacking", f"envs/{lock.name} {error.what}", f"Run: git checkout envs/{lock.name}"
        )
    wrong = differences(wanted, installed(site_packages(place)))
    if wrong:
        fix = "Tested is the lock: install its versions, or remove envs.swift."
        return Check("env swift", "warning", f"{place}: {_list(wrong)}", fix)
    return Check("env swift", "ok", f"{place}: {', '.join(wanted)} as the lock says")


def _bad_lock(label: str, lock: Path, error: PipelineError) -> Check:
    return Check(label, "lacking", f"envs/{lock.name} {error.what}", f"Run: git checkout envs/{lock.name}")


def _list(wrong: list[str]) -> str:
    more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
    return ", ".join(wrong[:_SHOWN]) + more


def check_tools(wants: Wants) -> Iterator[Check]:
    """make, which every command of the README needs, and git."""
    paths = {name: shutil.which(name) for name in ("make", "git")}
    missing = [name for name, path in paths.items() if not path]
    if missing:
        fix = f"Install it: apt install {' '.join(missing)}, or your system's like."
        yield Check("tools", "warning", f"there is no {' and no '.join(missing)}", fix)
    else:
        yield Check("tools", "ok", ", ".join(str(path) for path in paths.values()))


def check_compiler(wants: Wants) -> Iterator[Check]:
    """What DeepSpeed and Triton need: they compile extensions when they are first used."""
    compilers = [(os.environ.get("CC"), "gcc", "cc", "clang"), (os.environ.get("CXX"), "g++", "c++", "clang++")]
    found = [next(filter(None, (shutil.which(n) for n in names if n)), None) for names in compilers]
    headers = Path(sysconfig.get_path("include")) / "Python.h"
    lacks = ["no C compiler"] * (not found[0]) + ["no C++ compiler"] * (not found[1])
    lacks += [f"no {headers}"] * (not headers.is_file())
    if lacks:
        fix = "DeepSpeed and Triton compile when first used on a GPU: apt install build-essential python3-dev."
        yield Check("compiler", "warning", ", ".join(lacks), fix)
    else:
        yield Check("compiler", "ok", f"{found[0]}, {found[1]}, Python.h")
