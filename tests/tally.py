"""Counts what tests did to the pipeline and what became of it; one line at the end of a run tells the sums."""

from collections import Counter
from collections.abc import Callable

import pytest

_MARK = "count: "
Count = Callable[..., None]


@pytest.fixture
def count(request: pytest.FixtureRequest) -> Count:
    """Add to a sum: `count("kills")`, `count("kills", 3)`."""

    def add(what: str, number: int = 1) -> None:
        # A test's properties reach the process that reports, also from those of `--numprocesses`.
        request.node.user_properties.append((_MARK + what, number))

    return add


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the sums of all tests that passed."""
    sums = Counter[str]()
    for report in terminalreporter.stats.get("passed", []):
        for name, number in report.user_properties:
            if name.startswith(_MARK):
                sums[name.removeprefix(_MARK)] += number
    if sums:
        told = ", ".join(f"{number} {what}" for what, number in sorted(sums.items()))
        terminalreporter.write_line(f"counted: {told}")
