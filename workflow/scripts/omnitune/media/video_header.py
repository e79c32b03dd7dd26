"""Headers of video files."""

from omnitune.media.facts import Limits, Opened, Probe
from omnitune.media.film import Film, film_by_ffmpeg, film_of_tracks
from omnitune.media.labels import mislabelled
from omnitune.media.mp4_header import read_mp4
from omnitune.validation.codes import Finding

# FFmpeg decodes these by itself, in every build.
_BUILT_IN = {"h264", "hevc", "mpeg4", "vp8", "vp9", "mjpeg", "prores"}
# FFmpeg's names of MPEG's program and transport streams. Of those with B-frames, and of those that are damaged in
# ways that nothing here shows, decord reads none.
_STREAMS = ("mpegts", "mpeg")
# Sound may end this much earlier or later than the pictures: seconds, and share of the video.
_SOUND_SLACK = (1.0, 0.1)


def probe_video(file: Opened, limits: Limits) -> Probe:
    """What a video's header says; a RowError when it has no pictures or cannot be opened."""
    tracks = read_mp4(file)
    film = film_by_ffmpeg(file) if tracks is None else film_of_tracks(file, tracks)
    path, width, height, seconds = file.path, film.width, film.height, film.seconds
    frames, fps, sounds = film.frames, film.fps, film.sounds
    findings = film.problems + mislabelled(path, film.format, "E117")
    smaller, larger = (width, height) if width < height else (height, width)
    if smaller < limits.video_min_side or larger > limits.video_max_side or larger > limits.max_ratio * smaller:
        findings += _size(path, width, height, limits)
    if not (frames >= 4 and limits.video_min_fps <= fps <= limits.video_max_fps):
        findings += _pace(path, film.format, frames, fps, limits)
    if (
        seconds > limits.video_max_seconds
        or width * height > limits.video_max_pixels
        or file.size > limits.video_max_rate * max(seconds, 1.0)
    ):
        findings += _amount(file, width, height, seconds, limits)
    if film.rotation:
        findings += (Finding("E133", f"{path} is to be turned by {film.rotation} degrees"),)
    if unread := _unread(film):
        findings += (Finding("E242", f"{path} {unread}, which decord 0.6.0 cannot read for sure"),)
    if film.unusual:
        findings += (Finding("E134", f"{path} has {', '.join(film.unusual)}, which readers ignore"),)
    if sounds:
        if sounds > 1:
            findings += (Finding("E099", f"{path} has {sounds} audio tracks, and the first is used"),)
        if abs(film.sound[0] - seconds) > max(_SOUND_SLACK[0], _SOUND_SLACK[1] * seconds):
            what = f"{path} has {seconds:.1f} s of pictures and {film.sound[0]:.1f} s of sound"
            findings += (Finding("E141", what),)
    if film.codec not in _BUILT_IN and not _is_decodable(film.codec):
        findings += (Finding("E143", f"{path} has pictures that cannot be decoded here ({film.codec})"),)
    return Probe(
        "video",
        film.format,
        width,
        height,
        seconds,
        0,
        0,
        frames,
        sounds > 0,
        fps,
        *film.sound,
        "",
        0,
        film.rotation,
        film.codec,
        findings,
        film.counted,
        film.decoded,
        film.sound_codec,
    )


def decord_reads(width: int) -> bool:
    """Whether decord 0.6.0, which the training reads clips with, can read pictures that are shown so wide.

    FFmpeg pads a row of pixels to a multiple of 32; where its bytes are a whole number of times the width (16, 24,
    48, 72 and less), decord takes that for the number of channels.
    """
    row = 3 * -(-width // 32) * 32
    return bool(width and row % width) or row == 3 * width


def _unread(film: Film) -> str:
    """What the training's reader of clips fails on, in words; empty when it reads the clip."""
    if film.codec == "av1":
        return "is coded as AV1"
    if film.format == "gif":
        return "is a GIF"
    if film.format in _STREAMS:
        return "is an MPEG stream without an index"
    shown = film.height if film.rotation in (90, 270) else film.width
    return "" if decord_reads(shown) else f"has pictures that are {shown} pixels wide"


def _size(path: str, width: int, height: int, limits: Limits) -> tuple[Finding, ...]:
    smaller, larger = sorted((width, height))
    found: tuple[Finding, ...] = ()
    if smaller < limits.video_min_side or larger > limits.video_max_side:
        what = f"a side of {limits.video_min_side} to {limits.video_max_side}"
        found += (Finding("E131", f"{path} has {width} x {height} pixels, outside {what}"),)
    if larger > limits.max_ratio * smaller:
        found += (Finding("E132", f"{path} has {width} x {height} pixels, beyond a ratio of {limits.max_ratio}"),)
    return found


def _pace(path: str, form: str, frames: int, fps: float, limits: Limits) -> tuple[Finding, ...]:
    found: tuple[Finding, ...] = ()
    if frames < 2 and (frames or fps):
        found += (Finding("E126", f"{path} has {frames} frame{'' if frames == 1 else 's'}, 2 are needed"),)
    elif 2 <= frames < 4:
        found += (Finding("E127", f"{path} has {frames} frames"),)
    if fps <= 0:
        gif = "Save it anew with a delay for each picture." if form == "gif" else ""
        found += (Finding("E128", f"{path} has no frame rate", gif),)
    elif not limits.video_min_fps <= fps <= limits.video_max_fps:
        what = f"outside {limits.video_min_fps} to {limits.video_max_fps}"
        found += (Finding("E130", f"{path} has {fps:.6g} frames a second, {what}"),)
    return found


def _amount(file: Opened, width: int, height: int, seconds: float, limits: Limits) -> tuple[Finding, ...]:
    path = file.path
    if seconds > limits.video_max_seconds:
        what = f"lasts {seconds:.0f} s, the limit is {limits.video_max_seconds:.0f} s"
    elif width * height > limits.video_max_pixels:
        what = f"has {width} x {height} pixels, the limit is {limits.video_max_pixels / 1e6:.1f} megapixels"
    else:
        rate = file.size / max(seconds, 1.0) / 1e6
        what = f"has {rate:.0f} MB a second, the limit is {limits.video_max_rate / 1e6:.0f}"
    return (Finding("E144", f"{path} {what}"),)


def _is_decodable(codec: str) -> bool:
    import av

    try:
        return bool(codec) and av.Codec(codec, "r") is not None
    except ValueError:
        return False
