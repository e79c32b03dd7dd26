"""Whether the elements of a container follow each other from the first byte to the last.

FFmpeg searches damaged files for where they go on, and each of its versions in another way: the one in decord
0.6.0 takes fewer pictures out of them than the one here, or none. Damage to MP4 shows in its packets.
Sources: RFC 8794 (EBML), RFC 9559 (Matroska), Adobe's Flash Video File Format Specification 10.1 (annex E),
Microsoft's AVI RIFF File Reference and Advanced Systems Format Specification 01.20.03.
"""

import mmap

Content = bytes | mmap.mmap
_HEADER, _SEGMENT, _CLUSTER = 0x1A45DFA3, 0x18538067, 0x1F43B675
# Elements of a segment, by which the end of a cluster of open size is seen.
_TOP = {
    0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1C53BB6B, _CLUSTER, 0x1254C367, 0x1941A469, 0x1043A770,
}  # fmt: skip
_VOID, _CHECKSUM = 0xEC, 0xBF
# Timestamp, silent tracks, position, size before, simple block, group of blocks, encrypted block.
_OF_CLUSTER = {0xE7, 0x5854, 0xA7, 0xAB, 0xA3, 0xA0, 0xAF, _VOID, _CHECKSUM}
# A cue's way to a track, and the place of a cluster in it.
_CUE, _PLACE = 0xB7, 0xF1
# Elements that hold others: header, segment, cluster; facts; tracks, a track, its pictures and sound; a group of
# blocks; cues and a cue.
_MASTERS = {
    _HEADER, _SEGMENT, _CLUSTER, 0x1549A966, 0x1654AE6B, 0xAE, 0xE0, 0xE1, 0xA0, 0x1C53BB6B, 0xBB, _CUE,
}  # fmt: skip
_FLV_KINDS = {8, 9, 18}


def break_in(path: str, format: str) -> int:
    """The byte at which the elements of a file no longer follow each other; -1 where they do, or are not known.

    Args:
        format: FFmpeg's name of the container.
    """
    walk = {"matroska,webm": _matroska, "flv": _flv, "avi": _avi, "asf": _asf}.get(format)
    if walk is None:
        return -1
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:  # noqa: PTH123
        return walk(content)


def _matroska(content: Content) -> int:
    """Inside masters, each of which ends where its last element does; cues lead to clusters."""
    at, segment, ends, kinds = 0, 0, [len(content)], [0]
    while True:
        # Of two masters that end at one place both are left.
        while len(ends) > 1 and at == ends[-1]:
            ends.pop()
            kinds.pop()
        if at == ends[-1]:
            return -1
        kind, used = _number(content, at, 4)
        size, more = _number(content, at + used, 8)
        if not (used and more):
            return at
        if kind in _TOP and kinds[-1] == _CLUSTER:  # of open size
            ends.pop()
            kinds.pop()
        inside = kinds[-1]
        if not inside and kind == _HEADER and at:  # another file behind this one
            return at
        if inside == _SEGMENT and kind not in (*_TOP, _VOID, _CHECKSUM):
            return at
        if inside == _CLUSTER and kind not in _OF_CLUSTER:
            return at
        start = at + used + more
        size &= (1 << 7 * more) - 1
        is_open = size == (1 << 7 * more) - 1 and kind in (_SEGMENT, _CLUSTER)
        end = ends[-1] if is_open else start + size
        if end > ends[-1]:
            return at
        if kind == _SEGMENT:
            segment = start
        elif inside == _CUE and kind == _PLACE:
            place = segment + int.from_bytes(content[start:end], "big")
            if content[place : place + 4] != _CLUSTER.to_bytes(4, "big"):
                return at
        if kind in _MASTERS:
            ends.append(end)
            kinds.append(kind)
            at = start
        else:
            at = end


def _number(content: Content, at: int, longest: int) -> tuple[int, int]:
    """A number of EBML with the mark of its length, and how many bytes it takes; zeros where there is none."""
    first = content[at] if at < len(content) else 0
    used = 9 - first.bit_length()
    if used > longest or at + used > len(content):
        return 0, 0
    return int.from_bytes(content[at : at + used], "big"), used


def _flv(content: Content) -> int:
    """Tags, each followed by its size."""
    at = int.from_bytes(content[5:9], "big") + 4
    while at < len(content):
        size = 11 + int.from_bytes(content[at + 1 : at + 4], "big")
        if content[at] not in _FLV_KINDS or content[at + size : at + size + 4] != size.to_bytes(4, "big"):
            return at
        at += size + 4
    return -1


def _avi(content: Content) -> int:
    """The chunks of the first RIFF, and in their index (idx1) no names but theirs."""
    at, end = 12, min(8 + int.from_bytes(content[4:8], "little"), len(content))
    while at + 8 <= end:
        size = int.from_bytes(content[at + 4 : at + 8], "little")
        if at + 8 + size > end:
            return at
        if content[at : at + 4] == b"idx1":
            names = {content[entry : entry + 4] for entry in range(at + 8, at + 8 + size, 16)}
            if not all(name[:2].isdigit() or name == b"rec " for name in names):
                return at
        at += 8 + size + (size & 1)
    return -1


def _asf(content: Content) -> int:
    """Objects up to the end of the file."""
    at = 0
    while at + 24 <= len(content):
        size = int.from_bytes(content[at + 16 : at + 24], "little")
        if size < 24 or at + size > len(content):
            return at
        at += size
    return -1 if at == len(content) else at
