"""All checks in the order in which a person would mend things."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from omnitune.doctor import checkpoint, gpus, machine, software, storage
from omnitune.doctor.check import Check
from omnitune.doctor.wants import Wants, from_files
from omnitune.errors import PipelineError

_CHECKS: list[tuple[str, Callable[[Wants], Iterable[Check]]]] = [
    ("python", software.check_python),
    ("env pipeline", software.check_pipeline),
    ("env swift", software.check_swift),
    ("tools", software.check_tools),
    ("compiler", software.check_compiler),
    ("disk", storage.check_disk),
    ("results", storage.check_results),
    ("memory", machine.check_memory),
    ("/dev/shm", machine.check_shared_memory),
    ("gpu", gpus.check_gpus),
    ("model", checkpoint.check_model),
]


def examine(configs: Sequence[Path] = ()) -> list[Check]:
    """Look at the machine, for the run of the config files when some are given; never raises."""
    wants, checks = Wants(), []
    if configs:
        where = ", ".join(map(str, configs))
        try:
            wants = from_files(configs)
            checks.append(Check("config", "ok", f"{where}: run {wants.run}, device: {wants.device}"))
        except PipelineError as error:
            checks.append(Check("config", "lacking", str(error)))
        except Exception as error:
            checks.append(_broken("config", error))
    for name, check in _CHECKS:
        try:
            checks += check(wants)
        except Exception as error:  # one broken thing must not hide the state of the others
            checks.append(_broken(name, error))
    return checks


def _broken(name: str, error: Exception) -> Check:
    return Check(name, "warning", f"could not be looked at ({type(error).__name__}: {error})")
