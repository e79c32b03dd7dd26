"""The rewards of a user's own Python file: plain functions, or classes as ms-swift knows them."""

import ast
import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from omnitune.errors import PipelineError

_MODULE = "omnitune_user_rewards"


def load_file(path: Path) -> dict[str, Callable[..., Any]]:
    """name -> function, class or other callable, of everything public that the file defines or imports.

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
        raise _not_python(path, error) from None
    except (Exception, SystemExit) as error:  # whatever the user's file does when it is imported
        raise _broken(path, error) from None
    return {name: value for name, value in vars(module).items() if not name.startswith("_") and callable(value)}


def names_in(path: Path) -> set[str] | None:
    """The names that the file binds, read without running it; None when that cannot be told.

    Raises:
        PipelineError: it cannot be read, or is not Python.
    """
    try:
        tree = ast.parse(path.read_bytes(), filename=str(path))
    except OSError as error:
        raise PipelineError(f"cannot be read ({error.strerror})", where=str(path)) from None
    except (SyntaxError, ValueError) as error:
        raise _not_python(path, error) from None
    names: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(node.name)
            case ast.alias(name="*") | ast.Name(id="orms"):  # from here on, only running it tells
                return None
            case ast.alias():
                names.add(node.asname or node.name.partition(".")[0])
            case ast.Name(ctx=ast.Store()):
                names.add(node.id)
    return names


def _not_python(path: Path, error: SyntaxError | ValueError) -> PipelineError:
    line = f":{error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
    what = error.msg if isinstance(error, SyntaxError) else str(error)
    return PipelineError(f"is not Python: {what}", where=f"{path}{line}", fix="Mend the file.")


def _broken(path: Path, error: BaseException) -> PipelineError:
    return PipelineError(
        f"cannot be imported: {type(error).__name__}: {error}", where=str(path), fix="Mend the file."
    )
