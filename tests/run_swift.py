"""Runs the tests marked `swift`: `{swift environment}/bin/python tests/run_swift.py [pytest arguments]`.

They need torch, peft and ms-swift, which only the swift environment has; pytest and its plugins come from .venv,
appended to the path so that no package of the swift environment is replaced.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main(argv: list[str]) -> int:
    """Exit code of pytest."""
    packages = sorted((ROOT / ".venv/lib").glob("python3.*/site-packages"))
    if not packages:
        sys.exit("error: there is no .venv. Run: make dev")
    sys.path.append(str(packages[-1]))
    import pytest

    return int(pytest.main(["-m", "swift", f"--rootdir={ROOT}", "-c", str(ROOT / "pyproject.toml"), *argv]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
