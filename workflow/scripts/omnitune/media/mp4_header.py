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
from omnitune.media.mp4_entry import SampleEntry, read_pictures, read_sound
from omnitune.media.mp4_times import are_uneven, shown_times
from omnitune.media.sound_length import decoded_samples
from omnitune.validation.codes import RowError

FORMAT = "mov,mp4,m4a,3gp,3g2,mj2"
_BOX = Struct(">I4s")
_WORD, _PAIR, _TRIPLE = Struct(">I"), Struct(">II"), Struct(">III")
_LONG_TIMES = Struct(">IQ")
_EDIT, _LONG_EDIT, _ONE_EDIT = Struct(">Ii4x"), Struct(">Qq4x"), Struct(">IIi")
_NOT_READ = (b"mvex", b"cmov")
_CONTAINERS = frozenset((b"trak", b"mdia", b"minf", b"stbl", b"edts", *_NOT_READ))
# Media headers of what is neither pictures nor sound: texts, hints, time codes.
_OTHERS = frozenset((b"gmhd", b"nmhd", b"hmhd", b"sthd"))
_STARTS = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot")
# The index of a two-hour film is 10 MB.
_MAX_INDEX = 64_000_000
# Boxes in front of it: few, or as many as there are fragments of a file whose own index came last.
_MAX_BOXES = 1_000
_PIECE = 32_768
_UPRIGHT = struct.pack(">5i", 0x10000, 0, 0, 0, 0x10000)
# Seconds of content that an edit list may leave out, or of nothing that it may begin with, unnoticed.
EDIT_SLACK = 0.5
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
        shown: seconds from the first picture to the end of the last; with B-frames not always what `timed` is.
        uneven: whether pictures last differently long.
        starts: seconds of nothing before the first picture.
        skips: seconds of pictures left out at the start.
        edits: segments that are played.
        keyframe: number of the first picture that needs no other; 0 when there is none.
        rotation: degrees clockwise.
        decoded: samples that FFmpeg decodes of the sound; 0 when decoding alone tells.
        index, boxes: the content of `moov`, and where in it the track's boxes begin.
    """

    pictures: bool
    entry: SampleEntry
    seconds: float
    frames: int
    told: float
    timed: float
    shown: float
    uneven: bool
    starts: float
    skips: float
    edits: int
    keyframe: int
    rotation: int
    decoded: int
    index: bytes
    boxes: dict[bytes, int]


def read_mp4(file: Opened) -> list[Track] | None:
    """The tracks of pictures and sound; None when FFmpeg must look at the file.

    Raises:
        RowError: E135 when the index is not there, far behind or cut off, E144 when it is huge, E098 for encrypted
            samples.
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
    piece, base = file.head, 0
    for _ in range(_MAX_BOXES):
        if at + 8 > size:
            break
        if at + 16 > base + len(piece):
            # Behind the samples nothing follows but the index, as a rule, and it is small.
            piece, base = file.read(at, _PIECE), at
        length, kind = _BOX.unpack_from(piece, at - base)
        if length == 1:
            (length,) = unpack_from(">Q", piece, at - base + 8)
        elif length == 0:
            length = size - at
        if length < 8:
            return None
        if kind == b"moov":
            if length > size - at:
                raise RowError("E135", f"the index (moov) of {file.path} is cut off")
            if length > _MAX_INDEX:
                raise RowError("E144", f"the index (moov) of {file.path} has {length / 1e6:.0f} MB")
            at -= base
            return (
                piece[at + 8 : at + length] if at + length <= len(piece) else file.read(base + at + 8, length - 8)
            )
        data = data or kind == b"mdat"
        at += length
    else:
        raise RowError("E135", f"{file.path} has more than {_MAX_BOXES} boxes in front of its index (moov)")
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
        if kind in containers:
            if kind == b"trak":
                boxes = {}
                found.append(boxes)
            elif kind in _NOT_READ:
                raise ValueError("fragments, or a compressed index")
            at += 8
        else:
            boxes[kind] = at
            if length < 8:
                raise ValueError("a box that says its size in another way")
            at += length
    if at != end:
        raise ValueError("boxes that do not fit")
    at = movie[b"mvhd"]
    (scale,) = _WORD.unpack_from(index, at + (28 if index[at + 8] else 20))
    # What iTunes says of padding, which FFmpeg may follow; what stands behind the tracks is among the last one's.
    notes = min((boxes[b"udta"] for boxes in (movie, *found) if b"udta" in boxes), default=end)
    padded = index.find(b"iTunSMPB", notes) >= 0
    return [track for boxes in found if (track := _read_track(index, boxes, scale, path, padded))]


def _read_track(index: bytes, boxes: dict[bytes, int], movie_scale: int, path: str, padded: bool) -> Track | None:
    pictures = b"vmhd" in boxes
    if not pictures and b"smhd" not in boxes:
        if _OTHERS.isdisjoint(boxes):
            raise ValueError("a track without a header of its kind")
        return None
    entry = (read_pictures if pictures else read_sound)(index, boxes[b"stsd"], path)
    at = boxes[b"mdhd"]
    scale, told = _LONG_TIMES.unpack_from(index, at + 28) if index[at + 8] else _PAIR.unpack_from(index, at + 20)
    if told in _OPEN:
        told = 0
    at = boxes[b"stts"]
    count, samples, length = _TRIPLE.unpack_from(index, at + 12)
    timed, uneven = samples * length, False
    if count == 2 and not pictures:
        # Sound, of which the last packet is shorter than the others.
        more, other = _PAIR.unpack_from(index, at + 24)
        timed += more * other
    elif count != 1:
        times = unpack_from(f">{2 * count}I", index, at + 16)
        timed = sum(map(mul, times[::2], times[1::2]))
        # The last picture is often held a little longer.
        uneven = pictures and are_uneven(times[1:-2:2] if times[-2:-1] == (1,) else times[1::2])
    (frames,) = _WORD.unpack_from(index, boxes[b"stsz"] + 16)
    played = starts = skips = edits = 0
    if b"elst" in boxes:
        played, starts, skips, edits = _read_edits(index, boxes[b"elst"])
    shown = timed
    # Times one by one cost more than all the rest, so only where the difference would be remarked upon.
    if b"ctts" in boxes and pictures and max(abs(told - timed), skips) > scale * EDIT_SLACK:
        first, shown, uneven = shown_times(index, at, boxes[b"ctts"], frames, told) or (0, timed, uneven)
        skips = max(skips - first, 0)
    ticks = told if told == shown or not shown else min(told or shown, shown)
    # The list counts in the movie's units, which are coarser than the track's: one of them is no difference.
    if edits and (played + 1) * scale < ticks * movie_scale:
        ticks = played * scale // movie_scale or ticks
    rotation, keyframe, decoded = 0, 1, 0
    if not pictures:
        # Where time is counted in samples and played in one piece.
        if scale == entry.rate and edits < 2 and not (starts or padded or entry.open_rate):
            shown = -(-played * scale // movie_scale) if edits else timed
            decoded = decoded_samples(entry.codec, frames, length, timed, skips, shown)
    else:
        at = boxes[b"tkhd"]
        at += 60 if index[at + 8] else 48
        if index[at : at + 20] != _UPRIGHT:
            rotation = _read_rotation(index, at)
        if b"stss" in boxes:
            count, keyframe = _PAIR.unpack_from(index, boxes[b"stss"] + 12)
            keyframe = keyframe if count else 0
    return Track(
        pictures,
        entry,
        ticks / scale,
        frames,
        told / scale,
        timed / scale,
        shown / scale,
        uneven,
        starts / movie_scale if starts else 0.0,
        skips / scale,
        edits,
        keyframe,
        rotation,
        decoded,
        index,
        boxes,
    )


def _read_edits(index: bytes, at: int) -> tuple[int, int, int, int]:
    """(units of the movie that are played, units of nothing before them, ticks left out before them, segments)."""
    count, played, skips = _ONE_EDIT.unpack_from(index, at + 12)
    if count == 1 and skips >= 0 and not index[at + 8]:
        return played, 0, skips, 1
    form = _LONG_EDIT if index[at + 8] else _EDIT
    played = starts = skips = edits = 0
    for entry in range(at + 16, at + 16 + count * form.size, form.size):
        length, start = form.unpack_from(index, entry)
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
