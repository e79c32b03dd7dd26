"""How many edits make one sequence of another."""

from collections.abc import Hashable, Sequence


def edits(one: Sequence[Hashable], other: Sequence[Hashable]) -> int:
    """The Levenshtein distance: the fewest insertions, deletions and substitutions.

    One column of the table is two integers of len(one) bits (Myers 1999, in the form of Hyyrö 2003), so that
    thousands of words cost milliseconds without a compiled library.
    """
    if not one:
        return len(other)
    places: dict[Hashable, int] = {}
    for position, item in enumerate(one):
        places[item] = places.get(item, 0) | 1 << position
    everything, last = (1 << len(one)) - 1, 1 << len(one) - 1
    up, down, distance = everything, 0, len(one)  # where the column rises by one, where it falls, its lowest cell
    for item in other:
        equal = places.get(item, 0)
        straight = (((equal & up) + up) ^ up) | equal | down
        rises, falls = down | ~(straight | up), up & straight
        distance += bool(rises & last) - bool(falls & last)
        rises = rises << 1 | 1
        up = (falls << 1 | ~(straight | rises)) & everything
        down = rises & straight & everything
    return distance
