"""When the pictures of an MP4 track are shown. Source: ISO/IEC 14496-12 (`stts`, `ctts`)."""

from collections.abc import Sequence
from itertools import accumulate, chain, pairwise, repeat
from operator import add
from struct import unpack_from

# Pictures of nine hours: the times of more are taken as they are decoded.
_MAX_PICTURES = 1_000_000


def are_uneven(lengths: Sequence[int]) -> bool:
    """Whether pictures last differently long; 30 a second in milliseconds last 33, 33 and 34."""
    return bool(lengths) and max(lengths) - min(lengths) > max(1, max(lengths) // 10)


def shown_times(index: bytes, stts: int, ctts: int, pictures: int, told: int) -> tuple[int, int, bool] | None:
    """(ticks before the first picture, ticks from there to the end of the last, whether they are uneven).

    With B-frames the table of sample times tells when pictures are decoded, and where they last differently long
    those times neither begin nor end where the pictures do. How long the last one is shown only the header knows.

    Args:
        stts, ctts: where the tables begin in the index: times of decoding, and how much later each is shown.
        pictures: their number. None is given where the tables do not have as many, or where they are too many.
        told: ticks of the track by its header, 0 when it leaves them open.
    """
    (counts, lengths), (late, offsets) = _runs(index, stts), _runs(index, ctts)
    if not 0 < sum(counts) == sum(late) == pictures <= _MAX_PICTURES or min(*counts, *late) < 0:
        return None
    decoded = accumulate(chain.from_iterable(map(repeat, lengths, counts)), initial=0)
    times = sorted(map(add, decoded, chain.from_iterable(map(repeat, offsets, late))))
    before_last = times[-1] - times[0]
    last = min(max(told - before_last, 0), max(lengths)) if told else lengths[-1]
    return times[0], before_last + last, are_uneven([end - start for start, end in pairwise(times)])


def _runs(index: bytes, at: int) -> tuple[Sequence[int], Sequence[int]]:
    """(how many samples, the value of each) of the runs of a table."""
    (count,) = unpack_from(">I", index, at + 12)
    values = unpack_from(f">{2 * count}i", index, at + 16)
    return values[::2], values[1::2]
