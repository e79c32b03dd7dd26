"""The rewards of a user's own Python file: plain functions, or classes as ms-swift knows them."""

import importlib.machinery
import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from omnitune.errors import PipelineError

_MODULE = "omnitune_user_rewards"


def load_file(path: Path) -> dict[str, Callable[..., Any]]:
    """name -> function or class of everything public that the file itself defines.

    Raises:
        PipelineError: the file cannot be imported.
    """
    # A loader by name: a file is Python whatever its suffix is.
    loader = importlib.machinery.SourceFileLoader(_MODULE, str(path))
    spec = importlib.util.spec_from_loader(_MODULE, loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    # Known under its name, so that dataclasses and pickles in it work. Its folder stays on the path, as that of a
    # script does: a function may import what lies beside it when it is called.
    sys.modules[_MODULE] = module
    sys.path.append(str(path.absolute().parent))
    try:
        loader.exec_module(module)
    except FileNotFoundError as error:
        if error.filename != str(path):  # the file looks for another one
            raise _broken(path, error) from None
        raise PipelineError("no such file", where=str(path), fix="Correct grpo.reward_file.") from None
    except SyntaxError as error:
        raise PipelineError(
            f"is not Python: {error.msg}", where=f"{path}:{error.lineno}", fix="Mend the line."
        ) from None
    except (Exception, SystemExit) as error:  # whatever the user's file does when it is imported
        raise _broken(path, error) from None
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isfunction(value) or inspect.isclass(value))
        and value.__module__ == _MODULE
    }


def _broken(path: Path, error: BaseException) -> PipelineError:
    return PipelineError(
        f"cannot be imported: {type(error).__name__}: {error}", where=str(path), fix="Mend the file."
    )
