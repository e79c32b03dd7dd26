"""Whether an MP4 file holds all samples that its index promises."""

from collections.abc import Sequence
from struct import Struct, error, unpack_from

from omnitune.media.facts import Opened
from omnitune.media.mp4_header import Track
from omnitune.validation.codes import RowError

# Frames of four days.
_MAX_FRAMES = 10_000_000
_WORD, _PAIR, _LONG = Struct(">I"), Struct(">II"), Struct(">Q")


def missing_share(track: Track, file: Opened) -> float:
    """Share of a track's samples that lie, wholly or in part, behind the file's end.

    Raises:
        RowError: E135, the index is damaged.
    """
    try:
        return _missing_share(track, file.size)
    except (error, ValueError, KeyError, IndexError):
        raise RowError("E135", f"the index (moov) of {file.path} is damaged") from None


def _missing_share(track: Track, size: int) -> float:
    index, boxes = track.index, track.boxes
    sizes, runs = boxes[b"stsz"], boxes[b"stsc"]
    chunks, form = (boxes[b"stco"], _WORD) if b"stco" in boxes else (boxes[b"co64"], _LONG)
    fixed, frames = _PAIR.unpack_from(index, sizes + 12)
    (count,) = _WORD.unpack_from(index, chunks + 12)
    (run_count,) = _WORD.unpack_from(index, runs + 12)
    if not (frames and count and run_count):
        return 0.0
    if frames > _MAX_FRAMES:
        raise ValueError("too many samples for a table in memory")
    # Chunks lie in order in nearly every file: where the last ends, all end.
    (last,) = form.unpack_from(index, chunks + 16 + form.size * (count - 1))
    (in_last,) = _WORD.unpack_from(index, runs + 8 + 12 * run_count)
    if in_last == 1 and not fixed:
        (end,) = _WORD.unpack_from(index, sizes + 16 + 4 * frames)
    else:
        in_last = min(in_last, frames)
        end = in_last * fixed or sum(unpack_from(f">{in_last}I", index, sizes + 20 + 4 * (frames - in_last)))
    if last + end <= size:
        return 0.0
    offsets = unpack_from(f">{count}{'I' if form is _WORD else 'Q'}", index, chunks + 16)
    lengths = (fixed,) * frames if fixed else unpack_from(f">{frames}I", index, sizes + 20)
    return 1.0 - _count_there(offsets, lengths, unpack_from(f">{3 * run_count}I", index, runs + 16), size) / frames


def _count_there(offsets: Sequence[int], lengths: Sequence[int], runs: Sequence[int], size: int) -> int:
    """Samples that end within `size` bytes.

    Args:
        offsets: where each chunk begins.
        lengths: of each sample.
        runs: (first chunk, from 1; samples in each chunk; a number of no interest here) of runs of equal chunks.
    """
    starts = [*runs[::3], len(offsets) + 1]
    sample = there = 0
    for run, in_chunk in enumerate(runs[1::3]):
        for chunk in range(starts[run] - 1, starts[run + 1] - 1):
            end = offsets[chunk]
            for length in lengths[sample : sample + in_chunk]:
                end += length
                there += end <= size
            sample += in_chunk
    return there
