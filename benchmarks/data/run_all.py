"""Runs the benchmarks of the data stages and writes their tables into docs/benchmarks.md.

Every bench_*.py beside this file prints a Markdown table; its section is made of that, its own description, the
command, the day and the machine. What stands outside the markers is left as it is.

    .venv/bin/python benchmarks/data/run_all.py [bench_headers ...]
"""

import argparse
import ast
import os
import platform
import re
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "benchmarks.md"
BENCHMARKS = sorted(path.stem for path in HERE.glob("bench_*.py"))


def machine() -> str:
    """Processor, cores, memory and Python, in a sentence; no name of a host."""
    cpus = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = re.search(r"^model name\s*: (.*)$", cpus, re.M)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0))
    return (
        f"{model[1].strip() if model else platform.machine()}, {cores} cores, {memory:.0f} GiB, "
        f"load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}"
    )


def section(name: str, table: str, seconds: float) -> str:
    """The section of one benchmark, without its markers."""
    description = ast.get_docstring(ast.parse((HERE / f"{name}.py").read_text(encoding="utf-8"))) or ""
    # Its last paragraph is the command.
    words, _, _ = description.rpartition("\n\n")
    day = datetime.now(UTC).date().isoformat()
    return (
        f"## {name}\n\n{words}\n\n{table.strip()}\n\n"
        f"`.venv/bin/python benchmarks/data/{name}.py`, {day}, {seconds / 60:.0f} min: {machine()}.\n"
    )


def put(page: str, name: str, text: str) -> str:
    """The page with the section between its markers; a new one comes last."""
    first, last = f"<!-- {name}: written by make bench-data -->", f"<!-- end of {name} -->"
    new = f"{first}\n{text}{last}\n"
    if first not in page:
        return f"{page.rstrip()}\n\n{new}"
    before, _, rest = page.partition(first)
    return before + new + rest.partition(f"{last}\n")[2]


def main() -> int:
    """Run what is named, or all; a benchmark that fails keeps its old section."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[*BENCHMARKS, []], metavar="NAME", help=", ".join(BENCHMARKS))
    failed = 0
    for name in parser.parse_args().names or BENCHMARKS:
        print(f"{name} ...", file=sys.stderr, flush=True)
        begun = time.monotonic()
        done = subprocess.run(
            [sys.executable, HERE / f"{name}.py"], stdout=subprocess.PIPE, text=True, check=False
        )
        if done.returncode:
            print(f"error: {name} ended with {done.returncode}; its section is left as it was", file=sys.stderr)
            failed = 1
            continue
        print(done.stdout, flush=True)
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(put(page, name, section(name, done.stdout, time.monotonic() - begun)), encoding="utf-8")
    return failed


if __name__ == "__main__":
    sys.exit(main())
