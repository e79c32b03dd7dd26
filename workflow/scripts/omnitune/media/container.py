"""Media containers opened by FFmpeg: the one file and nothing that it points to."""

from typing import Any

from omnitune.media.sniff import head_of, refuse_text, sniff
from omnitune.validation.codes import RowError

# Demuxers that open only the file they are given: no playlists, no concatenation, no devices.
VIDEO_DEMUXERS = ("mov", "matroska", "avi", "mpegts", "mpeg", "flv", "asf", "ogg", "gif")
AUDIO_DEMUXERS = (
    *("mov", "matroska", "avi", "mpegts", "ogg", "flac", "wav", "w64", "aac", "aiff", "caf", "asf", "amr", "au"),
)
# (place, bytes there, demuxer). Left to guess, FFmpeg takes noise for MP3 and looks for seconds in zeros.
_MAGIC = (
    *((4, kind, "mov") for kind in (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot")),
    (0, b"\x1aE\xdf\xa3", "matroska"),
    (8, b"AVI ", "avi"),
    (8, b"WAVE", "wav"),
    (0, b"riff\x2e\x91\xcf\x11", "w64"),
    (0, b"OggS", "ogg"),
    (0, b"fLaC", "flac"),
    (0, b"FLV", "flv"),
    (0, b"GIF8", "gif"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf"),
    (0, b"\0\0\1\xba", "mpeg"),
    *((0, bytes((0xFF, second)), "aac") for second in (0xF0, 0xF1, 0xF8, 0xF9)),
    (0, b"ID3", "mp3"),
    *((0, bytes((0xFF, second)), "mp3") for second in (0xE2, 0xE3, 0xF2, 0xF3, 0xFA, 0xFB)),
    (0, b"FORM", "aiff"),
    (0, b"caff", "caf"),
    (0, b"#!AMR", "amr"),
    (0, b".snd", "au"),
)
MAX_PACKETS = 500_000
# Seconds: to open a file, and to read a piece of it. Damaged AVI files are searched to their end otherwise.
_PATIENCE = (5.0, 30.0)


def open_container(path: str, demuxers: tuple[str, ...], code: str, what: str) -> Any:
    """Open a container with FFmpeg, as what its first bytes say that it is.

    Args:
        demuxers: names of those allowed.
        code, what: of the RowError when it is none of them.
    """
    head = head_of(path)
    demuxer = _demuxer(head)
    if demuxer not in demuxers:
        refuse_text(path, head)
        raise RowError(code, f"{path} is {what} ({sniff(head)})")
    import av

    options = {"protocol_whitelist": "file", "format_whitelist": demuxer}
    try:
        return av.open(f"file:{path}", container_options=options, metadata_errors="replace", timeout=_PATIENCE)
    except (FileNotFoundError, PermissionError):
        raise
    except (av.FFmpegError, ValueError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RowError(code, f"{path} is {what} ({sniff(head)}: {reason})") from None


def has_foreign_tags(container: Any) -> bool:
    """Whether a title, a name or another tag is no UTF-8: PyAV as ms-swift calls it raises on those."""
    tags = [container.metadata, *(stream.metadata for stream in container.streams)]
    return any("\ufffd" in f"{key}{value}" for of in tags for key, value in of.items())


def _demuxer(head: bytes) -> str:
    # Packets of a transport stream have 188 bytes, and begin alike.
    if head[:1] == b"G" and head[188:189] == b"G":
        return "mpegts"
    return next((name for place, magic, name in _MAGIC if head.startswith(magic, place)), "")


def seconds_of(stream: Any, container: Any) -> float:
    """Length of one stream, or of the whole container when its own is not written down; 0 when neither is."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    # Matroska: a tag such as 00:01:02.345000000.
    hours, _, rest = str(stream.metadata.get("DURATION", "")).partition(":")
    minutes, _, seconds = rest.partition(":")
    try:
        return 3600 * int(hours) + 60 * int(minutes) + float(seconds)
    except ValueError:
        return float((container.duration or 0) / 1_000_000)


def count_packets(stream: Any, container: Any) -> tuple[int, float]:
    """(packets, seconds) of a stream whose header says neither, as live recorders write it; nothing is decoded.

    It reads the whole file, though no more than half a million packets.
    """
    packets, last = 0, (0, 0)
    for packet in container.demux(stream):
        # The last, which flushes decoders, is empty; not every packet of an MPEG stream has a time.
        packets += packet.size > 0
        if packet.pts is not None:
            # Of B-frames the one shown last counts: what another lasts in the order of decoding says nothing.
            last = max(last, (packet.pts, packet.duration or 0))
        if packets >= MAX_PACKETS:
            break
    return packets, float(max(sum(last) - (stream.start_time or 0), 0) * stream.time_base)


def codec_of(stream: Any) -> str:
    """FFmpeg's name of a stream's codec; empty when nothing here decodes it."""
    return str(stream.codec_context.codec.canonical_name) if stream.codec_context else ""
