"""The state of runs, drawn anew until it is interrupted."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from omnitune.status.stage import Stage
from omnitune.status.text import HEAD, as_text, cells, notes

if TYPE_CHECKING:
    from rich.console import RenderableType

_COLOURS = {"running": "green", "stalled": "bold red", "killed": "bold red", "failed": "bold red", "done": "dim"}
_PLAIN_SECONDS = 10.0  # where nothing can be drawn anew, tables follow each other

Runs = Mapping[str, Sequence[Stage]]


def watch(examine: Callable[[], Runs], seconds: float = 2.0) -> None:
    """Show what `examine` finds every `seconds`; without a terminal as text, less often. Ends by Ctrl-C."""
    try:
        if not sys.stdout.isatty():
            while True:
                print(f"{time.strftime('%H:%M:%S')}\n{as_text(examine())}\n", flush=True)
                time.sleep(_PLAIN_SECONDS)
        from rich.live import Live

        with Live(drawn(examine()), auto_refresh=False) as live:
            while True:
                time.sleep(seconds)
                live.update(drawn(examine()), refresh=True)
    except KeyboardInterrupt:
        return


def drawn(runs: Runs) -> "RenderableType":
    """The runs as tables for a terminal."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    parts: list[RenderableType] = []
    now = time.time()
    for name, stages in runs.items():
        table = Table(*HEAD, title=f"Run {name}", title_justify="left", box=None, header_style="bold")
        for stage in stages:
            table.add_row(*map(Text, cells(stage, now)), style=_COLOURS[stage.state])
        # Text, not markup: a sentence may hold brackets.
        parts += [table, *(Text(f"\n{note}") for note in notes(stages)), Text()]
    return Group(*(parts or [Text(as_text(runs))]))
