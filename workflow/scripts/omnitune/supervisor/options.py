"""How a command is watched, as options of the scripts."""

import argparse

from omnitune.supervisor.watchdog import Limits


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options, with the defaults of `Limits`."""
    parser.add_argument("--echo", type=int, metavar="DESCRIPTOR", help="takes the lines of progress too")
    for name, about in (
        ("first_step", "without a sign of life before the first step"),
        ("stall", "without a sign of life after it"),
        ("grace", "to end in order when asked to"),
    ):
        default = getattr(Limits(), name) / 60
        option = f"--{name.replace('_', '-')}-minutes"
        parser.add_argument(option, type=float, default=default, metavar="MINUTES", help=f"{about} ({default:g})")


def limits(options: argparse.Namespace) -> Limits:
    """The limits that were given."""
    return Limits(60 * options.first_step_minutes, 60 * options.stall_minutes, 60 * options.grace_minutes)
