"""The rewards of a user's own Python file: plain functions, or classes as ms-swift knows them."""

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
    spec = importlib.util.spec_from_file_location(_MODULE, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    # Known under its name while it runs, so that dataclasses and pickles in it work; its folder like a script's.
    sys.modules[_MODULE] = module
    sys.path.insert(0, str(path.absolute().parent))
    try:
        spec.loader.exec_module(module)
    except FileNotFoundError:
        raise PipelineError("no such file", where=str(path), fix="Correct grpo.reward_file.") from None
    except SyntaxError as error:
        raise PipelineError(
            f"is not Python: {error.msg}", where=f"{path}:{error.lineno}", fix="Mend the line."
        ) from None
    except Exception as error:  # whatever the user's file does when it is imported
        raise PipelineError(
            f"cannot be imported: {type(error).__name__}: {error}", where=str(path), fix="Mend the file."
        ) from None
    finally:
        sys.path.remove(str(path.absolute().parent))
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isfunction(value) or inspect.isclass(value))
        and value.__module__ == _MODULE
    }
