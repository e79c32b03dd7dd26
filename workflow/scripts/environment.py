"""Build the Python environments of the pipeline from their lock files.

`make setup` calls it with the system's Python; what is already built costs a few milliseconds.
"""

import sys

if sys.version_info < (3, 11):  # before any import that needs it
    sys.exit("error: Python {}.{} is too old. Install Python 3.11 or newer.".format(*sys.version_info[:2]))

import argparse
from collections.abc import Sequence

from omnitune import environments
from omnitune.errors import run


def main(argv: Sequence[str] | None = None) -> int:
    """Install what is missing of the named environments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="+", choices=[*environments.ENVIRONMENTS, *environments.EXTRAS])
    parser.add_argument("--where", action="store_true", help="install nothing, print the interpreters' paths")
    options = parser.parse_args(argv)
    if options.where:
        print("\n".join(str(environments.require(name)) for name in options.names))
        return 0
    for name in options.names:
        if environments.add_extra(name) if name in environments.EXTRAS else environments.install(name):
            print(f"{name}: ready", flush=True)
    return 0


if __name__ == "__main__":
    run(main)
