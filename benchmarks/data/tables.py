"""Tables of figures as Markdown: what was wanted, and what was reached."""

from collections.abc import Sequence

WANTED_REACHED = ("wanted", "reached")


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; the first column is text, the others numbers."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def at_most(wanted: float, ratio: float) -> tuple[str, str]:
    """The two cells for a ratio that should be small."""
    return f"≤ {wanted:g}x", f"{ratio:.2f}x" + ("" if ratio <= wanted else " (missed)")


def at_least(wanted: float, ratio: float) -> tuple[str, str]:
    """The two cells for a ratio that should be large."""
    return f"≥ {wanted:g}x", f"{ratio:.1f}x" + ("" if ratio >= wanted else " (missed)")


def share_at_most(wanted: float, share: float) -> tuple[str, str]:
    """The two cells for a share that should be small."""
    return f"≤ {100 * wanted:g} %", f"{100 * share:.1f} %" + ("" if share <= wanted else " (missed)")
