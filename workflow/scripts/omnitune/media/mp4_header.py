"""What the index (`moov`) of an MP4 or QuickTime file says, read without FFmpeg.

Whatever is not understood, fragments above all, gives None and is left to FFmpeg.
Source: ISO/IEC 14496-12.
"""

import math
import struct
from operator import mul
from struct import Struct, unpack_from

import msgspec

from omnitune.media.facts import Opened
from omnitune.media.mp4_entry import SampleEntry, read_entry
from omnitune.validation.codes import RowError

FORMAT = "mov,mp4,m4a,3gp,3g2,mj2"
_BOX = Struct(">I4s")
_WORD, _PAIR, _TRIPLE = Struct(">I"), Struct(">II"), Struct(">III")
_LONG_TIMES = Struct(">IQ")
_EDIT, _LONG_EDIT = Struct(">Ii4x"), Struct(">Qq4x")
_CONTAINERS = frozenset((b"trak", b"mdia", b"minf", b"stbl", b"edts"))
_NOT_READ = frozenset((b"mvex", b"cmov"))
_STARTS = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot")
# The index of a two-hour film is 10 MB.
_MAX_INDEX = 64_000_000
_UPRIGHT = struct.pack(">5i", 0x10000, 0, 0, 0, 0x10000)
# Lengths that are not known.
_OPEN = (0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF)


class Track(msgspec.Struct, frozen=True, gc=False):
    """One track of pictures or sound.

    Attributes:
        pictures: whether it is a video's.
        entry: how the samples are coded.
        seconds: that are played, with the edit list applied.
        frames: samples in the file's sense: pictures of a video, packets of audio.
        told, timed: seconds by the track's header (0 when it leaves them open), by the table of sample times.
        uneven: whether pictures last differently long.
        starts: seconds of nothing before the first picture.
        skips: seconds left out at the start.
        edits: segments that are played.
        keyframe: number of the first picture that needs no other; 0 when there is none.
        rotation: degrees clockwise.
        index, boxes: the content of `moov`, and where the bodies of the track's boxes begin in it.
    """

    pictures: bool
    entry: SampleEntry
    seconds: float
    frames: int
    told: float
    timed: float
    uneven: bool
    starts: float
    skips: float
    edits: int
    keyframe: int
    rotation: int
    index: bytes
    boxes: dict[bytes, int]


def read_mp4(file: Opened) -> list[Track] | None:
    """The tracks of pictures and sound; None when FFmpeg must look at the file.

    Raises:
        RowError: E135 when the index is not there or cut off, E144 when it is huge, E098 for encrypted samples.
    """
    if file.head[4:8] not in _STARTS:
        return None
    try:
        index = _read_index(file)
        return None if index is None else _read_tracks(index, file.path)
    except (struct.error, ValueError, KeyError, IndexError, ZeroDivisionError):
        return None


def _read_index(file: Opened) -> bytes | None:
    at, size, data = 0, file.size, False
    while at + 8 <= size:
        box = file.read(at, 16)
        length, kind = _BOX.unpack_from(box)
        if length == 1:
            (length,) = unpack_from(">Q", box, 8)
        elif length == 0:
            length = size - at
        if length < 8:
            return None
        if kind == b"moov":
            if length > size - at:
                raise RowError("E135", f"the index (moov) of {file.path} is cut off")
            if length > _MAX_INDEX:
                raise RowError("E144", f"the index (moov) of {file.path} has {length / 1e6:.0f} MB")
            return file.read(at + 8, length - 8)
        data = data or kind == b"mdat"
        at += length
    if data:
        raise RowError("E135", f"the index (moov) of {file.path} is missing")
    return None


def _read_tracks(index: bytes, path: str) -> list[Track]:
    # Boxes lie one behind the other, and what a container holds begins right behind its name: one loop sees all.
    unpack, containers = _BOX.unpack_from, _CONTAINERS
    movie: dict[bytes, int] = {}
    boxes, found = movie, []
    at, end = 0, len(index)
    while at < end:
        length, kind = unpack(index, at)
        if length < 8 or kind in _NOT_READ:
            raise ValueError("a box of another size, fragments, or a compressed index")
        if kind in containers:
            if kind == b"trak":
                boxes = {}
                found.append(boxes)
            at += 8
        else:
            # QuickTime has a second hdlr, of the data.
            if kind not in boxes:
                boxes[kind] = at + 8
            at += length
    if at != end:
        raise ValueError("boxes that do not fit")
    at = movie[b"mvhd"]
    (scale,) = _WORD.unpack_from(index, at + (20 if index[at] else 12))
    return [track for boxes in found if (track := _read_track(index, boxes, scale, path))]


def _read_track(index: bytes, boxes: dict[bytes, int], movie_scale: int, path: str) -> Track | None:
    at = boxes[b"hdlr"]
    handler = index[at + 8 : at + 12]
    if handler not in (b"vide", b"soun"):
        return None
    pictures = handler == b"vide"
    entry = read_entry(index, boxes[b"stsd"], pictures, path)
    at = boxes[b"mdhd"]
    scale, told = _LONG_TIMES.unpack_from(index, at + 20) if index[at] else _PAIR.unpack_from(index, at + 12)
    if told in _OPEN:
        told = 0
    at = boxes[b"stts"]
    count, samples, timed = _TRIPLE.unpack_from(index, at + 4)
    timed, uneven = (samples * timed, False) if count == 1 else _read_times(index, at, count)
    ticks = told if told == timed or not timed else min(told or timed, timed)
    (frames,) = _WORD.unpack_from(index, boxes[b"stsz"] + 8)
    starts = skips = edits = 0
    if b"elst" in boxes:
        played, starts, skips, edits = _read_edits(index, boxes[b"elst"])
        # The list counts in the movie's units, which are coarser than the track's: one of them is no difference.
        if (played + 1) * scale < ticks * movie_scale:
            ticks = played * scale // movie_scale or ticks
    rotation, keyframe = 0, 1
    if pictures:
        at = boxes[b"tkhd"]
        at += 52 if index[at] else 40
        if index[at : at + 20] != _UPRIGHT:
            rotation = _read_rotation(index, at)
        if b"stss" in boxes:
            count, keyframe = _PAIR.unpack_from(index, boxes[b"stss"] + 4)
            keyframe = keyframe if count else 0
    return Track(
        pictures,
        entry,
        ticks / scale,
        frames,
        told / scale,
        timed / scale,
        uneven,
        starts / movie_scale if starts else 0.0,
        skips / scale,
        edits,
        keyframe,
        rotation,
        index,
        boxes,
    )


def _read_times(index: bytes, at: int, count: int) -> tuple[int, bool]:
    """Ticks of all samples together, and whether they last differently long."""
    table = unpack_from(f">{2 * count}I", index, at + 8)
    counts, lengths = table[::2], table[1::2]
    # The last picture is often held a little longer.
    inner = lengths[:-1] if counts[-1:] == (1,) else lengths
    spread = max(inner) - min(inner) if inner else 0
    # 30 frames a second in milliseconds last 33, 33 and 34.
    return sum(map(mul, counts, lengths)), spread > 1 and spread * 10 > max(inner)


def _read_edits(index: bytes, at: int) -> tuple[int, int, int, int]:
    """(units of the movie that are played, units of nothing before them, ticks left out before them, segments)."""
    form = _LONG_EDIT if index[at] else _EDIT
    (count,) = _WORD.unpack_from(index, at + 4)
    at += 8
    played = starts = skips = edits = 0
    for _ in range(count):
        length, start = form.unpack_from(index, at)
        at += form.size
        if start >= 0:
            skips = skips if edits else start
            played, edits = played + length, edits + 1
        elif not edits:
            starts += length
    return played, starts, skips, edits


def _read_rotation(index: bytes, at: int) -> int:
    """Degrees clockwise of a display matrix, of which the first row is (cos, sin) as 16.16 numbers."""
    cos, sin = unpack_from(">ii", index, at)
    return round(math.degrees(math.atan2(sin, cos))) % 360
