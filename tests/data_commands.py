"""The data stages' commands as a user's shell would run them."""

import subprocess
import sys
from pathlib import Path

SCRIPTS = Path(__file__).parents[1] / "workflow" / "scripts"


def command(name: str, *argv: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run `workflow/scripts/{name}.py` in the folder `cwd`."""
    line = [sys.executable, SCRIPTS / f"{name}.py", *map(str, argv)]
    return subprocess.run(line, cwd=cwd, capture_output=True, text=True, check=False)
