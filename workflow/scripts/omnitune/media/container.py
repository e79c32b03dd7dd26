"""Media containers opened by FFmpeg: the one file and nothing that it points to."""

from typing import Any

from omnitune.media.sniff import head_of, refuse_text, sniff
from omnitune.validation.codes import RowError

# Demuxers that open only the file they are given: no playlists, no concatenation, no devices.
VIDEO_DEMUXERS = "mov,matroska,avi,mpegts,mpeg,flv,asf,ogg,gif"
AUDIO_DEMUXERS = "mp3,mov,matroska,avi,mpegts,ogg,flac,wav,aac,aiff,caf,asf,amr,w64,au"


def open_container(path: str, demuxers: str, code: str, what: str) -> Any:
    """Open a container with FFmpeg.

    Args:
        demuxers: names of those allowed, separated by commas.
        code, what: of the RowError when it is none of them.
    """
    head = head_of(path)
    refuse_text(path, head)
    import av

    options = {"protocol_whitelist": "file", "format_whitelist": demuxers}
    try:
        return av.open(f"file:{path}", container_options=options, metadata_errors="replace")
    except (FileNotFoundError, PermissionError):
        raise
    except (av.FFmpegError, ValueError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RowError(code, f"{path} is {what} ({sniff(head)}: {reason})") from None


def seconds_of(stream: Any, container: Any) -> float:
    """Length of one stream; of the whole container when the stream's own is not written down."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    # Matroska: a tag such as 00:01:02.345000000.
    hours, _, rest = str(stream.metadata.get("DURATION", "")).partition(":")
    minutes, _, seconds = rest.partition(":")
    try:
        return 3600 * int(hours) + 60 * int(minutes) + float(seconds)
    except ValueError:
        return float((container.duration or 0) / 1_000_000)


def codec_of(stream: Any) -> str:
    """FFmpeg's name of a stream's codec; empty when nothing here decodes it."""
    return str(stream.codec_context.codec.canonical_name) if stream.codec_context else ""
