"""Hold an arguments file against the installed ms-swift's own classes, without starting it."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Literal, NoReturn

from omnitune.environments import cache_folder
from omnitune.errors import PipelineError, suggest
from omnitune.publish import write_json
from omnitune.swift_args import command_line

Command = Literal["sft", "rlhf", "infer", "deploy", "rollout"]
# One flag: its spellings, the type of a value, argparse's nargs and the allowed values.
Flag = dict[str, Any]


def _bool(text: str) -> bool:
    if text.lower() not in ("true", "false", "yes", "no", "t", "f", "y", "n", "1", "0"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return True


_TYPES: dict[str, Callable[[str], Any]] = {"int": int, "float": float, "string_to_bool": _bool}


def check_flags(command: Command, arguments: Mapping[str, Any], section: str) -> None:
    """Refuse flags that the installed ms-swift does not have and values that it would not take.

    Args:
        command: the ms-swift command.
        arguments: the arguments file.
        section: the config's key that may hold a wrong one, as `sft.swift`.

    Raises:
        PipelineError: naming the flag.
    """
    version, flags = _flags(command)
    known = sorted(name for flag in flags for name in flag["names"])
    for name in arguments:
        if name != "ENV" and name not in known:
            raise PipelineError(
                f"ms-swift {version} has no flag {name} for `swift {command}`",
                where=f"{section}.{name}",
                fix=suggest(name, known) or "Look it up in ms-swift's list of command-line parameters.",
            )
    parser = _Parser(section)
    for flag in flags:
        names = [f"--{name}" for name in flag["names"]]
        kind = _TYPES.get(flag["type"], str)
        parser.add_argument(*names, type=kind, nargs=flag["nargs"], choices=flag["choices"])
    parser.parse_args(command_line(arguments))


class _Parser(argparse.ArgumentParser):
    def __init__(self, section: str) -> None:
        super().__init__(add_help=False, allow_abbrev=False)
        self._section = section

    def error(self, message: str) -> NoReturn:
        what = message.removeprefix("argument --")
        raise PipelineError(f"ms-swift does not take {what}", where=self._section, fix="Mend the value.")


def _flags(command: Command) -> tuple[str, list[Flag]]:
    """ms-swift's version and flags; read from its classes once per installation, since that imports torch."""
    try:
        swift = distribution("ms-swift")
    except PackageNotFoundError:
        raise PipelineError(
            "this environment has no ms-swift",
            where=sys.prefix,
            fix="Name another in envs.swift, or remove that key and run: make setup",
        ) from None
    stamp = Path(str(swift.locate_file("swift"))).stat().st_mtime_ns
    cache = cache_folder() / "flags" / f"{command}-{swift.version}-{stamp}.json"
    try:
        return swift.version, json.loads(cache.read_bytes())
    except (OSError, ValueError):
        flags = _read_flags(command)
        with suppress(OSError):  # a shared folder that is not ours to write
            write_json(cache, flags)
        return swift.version, flags


def _read_flags(command: Command) -> list[Flag]:
    from swift.arguments import DeployArguments, InferArguments, RLHFArguments, RolloutArguments, SftArguments
    from swift.utils.utils import _patch_get_type_hints
    from transformers import HfArgumentParser

    classes = {"sft": SftArguments, "rlhf": RLHFArguments, "infer": InferArguments}
    classes |= {"deploy": DeployArguments, "rollout": RolloutArguments}
    with _patch_get_type_hints():
        parser = HfArgumentParser([classes[command]])
    return [
        {
            "names": [name.lstrip("-") for name in action.option_strings],
            "type": getattr(action.type, "__name__", "str"),
            "nargs": action.nargs if action.nargs in ("?", "*", "+") else None,
            "choices": None if action.choices is None else [str(choice) for choice in action.choices],
        }
        for action in parser._actions
        if "--help" not in action.option_strings
    ]
