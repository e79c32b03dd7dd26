"""Headers of video files."""

from typing import Any

import msgspec

from omnitune.media.container import VIDEO_DEMUXERS, codec_of, count_packets, open_container, seconds_of
from omnitune.media.facts import Limits, Opened, Probe
from omnitune.media.labels import mislabelled
from omnitune.media.mp4_extent import missing_share
from omnitune.media.mp4_header import FORMAT as MP4
from omnitune.media.mp4_header import Track, read_mp4
from omnitune.validation.codes import Finding, RowError

# FFmpeg decodes these by itself, in every build.
_BUILT_IN = {"h264", "hevc", "mpeg4", "vp8", "vp9", "mjpeg", "prores"}
_HDR_TRANSFERS = (16, 18)
_INTERLACED = range(2, 6)
# Sound may end this much earlier or later than the pictures: seconds, and share of the video.
_SOUND_SLACK = (1.0, 0.1)
# A cut end is repaired by leaving it out; more than this is not the same video any more.
_MAX_MISSING = 0.05
# Seconds of content that an edit list may leave out, or of nothing that it may begin with, unnoticed.
_EDIT_SLACK = 0.5


class Film(msgspec.Struct, frozen=True, gc=False):
    """What a reader found out about a video.

    Attributes:
        sound: seconds and rate of the first audio track, zeros when there is none.
        sounds: audio tracks.
        problems: findings that only its container shows.
    """

    format: str
    codec: str
    width: int
    height: int
    seconds: float
    frames: int
    fps: float
    rotation: int
    unusual: tuple[str, ...]
    sound: tuple[float, int]
    sounds: int
    problems: tuple[Finding, ...]


def probe_video(file: Opened, limits: Limits) -> Probe:
    """What a video's header says; a RowError when it has no pictures or cannot be opened."""
    tracks = read_mp4(file)
    film = _read_by_ffmpeg(file) if tracks is None else _read_mp4(file, tracks)
    path, width, height, seconds = file.path, film.width, film.height, film.seconds
    frames, fps, sounds = film.frames, film.fps, film.sounds
    findings = film.problems + mislabelled(path, film.format, "E117")
    smaller, larger = (width, height) if width < height else (height, width)
    if smaller < limits.video_min_side or larger > limits.video_max_side or larger > limits.max_ratio * smaller:
        findings += _size(path, width, height, limits)
    if not (frames >= 4 and limits.video_min_fps <= fps <= limits.video_max_fps):
        findings += _pace(path, frames, fps, limits)
    if (
        seconds > limits.video_max_seconds
        or width * height > limits.video_max_pixels
        or file.size > limits.video_max_rate * max(seconds, 1.0)
    ):
        findings += _amount(file, width, height, seconds, limits)
    if film.rotation:
        findings += (Finding("E133", f"{path} is to be turned by {film.rotation} degrees"),)
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
    )


def _read_mp4(file: Opened, tracks: list[Track]) -> Film:
    film = sound = None
    sounds = 0
    for track in tracks:
        if track.pictures:
            film = film or track
        else:
            sound = sound or track
            sounds += 1
    if film is None:
        raise RowError("E125", f"{file.path} has no video stream")
    entry, seconds = film.entry, film.seconds
    missing = missing_share(film, file)
    return Film(
        MP4,
        entry.codec,
        entry.width,
        entry.height,
        seconds,
        film.frames,
        film.frames / seconds if seconds else 0.0,
        film.rotation,
        entry.unusual,
        (sound.seconds, sound.entry.rate) if sound else (0.0, 0),
        sounds,
        tuple(_problems(file.path, film, missing)) if missing or not _is_plain(film) else (),
    )


def _is_plain(film: Track) -> bool:
    """Whether the index holds nothing to remark upon; nearly every file takes this way."""
    return (
        film.told == film.timed
        and not (film.uneven or film.starts)
        and film.keyframe == 1
        and film.edits < 2
        and film.skips < _EDIT_SLACK
        and film.entry.sizes == 1
    )


def _problems(path: str, film: Track, missing: float) -> list[Finding]:
    found = []
    if film.uneven:
        found.append(
            Finding("E129", f"{path} has a variable frame rate, {film.frames / film.seconds:.2f} on average")
        )
    if missing > _MAX_MISSING:
        there = film.frames - round(missing * film.frames)
        found.append(Finding("E136", f"{path} has {there} of the {film.frames} frames that its index lists"))
    if film.told and abs(film.told - film.timed) > max(1.0, 0.1 * film.timed):
        found.append(
            Finding("E137", f"the header of {path} says {film.told:.1f} s, its frames last {film.timed:.1f} s")
        )
    what = _unusual_start(film)
    if what:
        found.append(Finding("E138", f"{path} {what}"))
    if film.entry.sizes > 1:
        found.append(Finding("E139", f"{path} changes its size within the video"))
    return found


def _unusual_start(film: Track) -> str:
    if film.keyframe != 1:
        return "does not begin with a keyframe" if film.keyframe else "has no keyframe"
    if film.starts > _EDIT_SLACK:
        return f"begins with {film.starts:.1f} s without pictures"
    if film.skips > _EDIT_SLACK:
        return f"leaves out its first {film.skips:.1f} s by an edit list"
    return f"is put together by an edit list of {film.edits} segments" if film.edits > 1 else ""


def _read_by_ffmpeg(file: Opened) -> Film:
    path = file.path
    with open_container(path, VIDEO_DEMUXERS, "E135", "no video that can be opened") as container:
        if not container.streams.video:
            raise RowError("E125", f"{path} has no video stream")
        stream = container.streams.video[0]
        if stream.codec_context is None:
            raise RowError("E143", f"{path} has a codec that cannot be decoded here")
        seconds, frames = seconds_of(stream, container), stream.frames
        fps = float(stream.average_rate or 0)
        base = float(stream.base_rate or fps)
        problems: tuple[Finding, ...] = ()
        # FFmpeg's base rate is the lowest that all times fit; a constant rate is its own.
        if fps and abs(base - fps) > 0.1 * fps:
            problems = (Finding("E129", f"{path} has frames that last differently long"),)
        frames = frames or round(seconds * fps)
        if not frames:
            frames, seconds = count_packets(stream, container)
            fps = frames / seconds if seconds else fps
        sounds = container.streams.audio
        sound = (0.0, 0)
        if sounds:
            # A live recording says nothing of its sound either, and an unknown codec has no rate.
            sound = seconds_of(sounds[0], container) or seconds, getattr(sounds[0], "sample_rate", 0)
        return Film(
            container.format.name,
            codec_of(stream),
            stream.width,
            stream.height,
            seconds,
            frames,
            fps,
            0,
            tuple(_unusual(stream)),
            sound,
            len(sounds),
            problems,
        )


def _unusual(stream: Any) -> list[str]:
    context, ratio = stream.codec_context, stream.sample_aspect_ratio
    found = []
    if ratio and ratio != 1:
        found.append("pixels that are not square")
    if context.field_order in _INTERLACED:
        found.append("interlaced pictures")
    if context.color_trc in _HDR_TRANSFERS:
        found.append("HDR")
    if context.pix_fmt and context.format and any(part.bits > 8 for part in context.format.components):
        found.append("more than 8 bits a colour")
    if "yuva" in (context.pix_fmt or "") or stream.metadata.get("alpha_mode") == "1":
        found.append("an alpha channel")
    return found


def _size(path: str, width: int, height: int, limits: Limits) -> tuple[Finding, ...]:
    smaller, larger = sorted((width, height))
    found: tuple[Finding, ...] = ()
    if smaller < limits.video_min_side or larger > limits.video_max_side:
        what = f"a side of {limits.video_min_side} to {limits.video_max_side}"
        found += (Finding("E131", f"{path} has {width} x {height} pixels, outside {what}"),)
    if larger > limits.max_ratio * smaller:
        found += (Finding("E132", f"{path} has {width} x {height} pixels, beyond a ratio of {limits.max_ratio}"),)
    return found


def _pace(path: str, frames: int, fps: float, limits: Limits) -> tuple[Finding, ...]:
    found: tuple[Finding, ...] = ()
    if frames < 2 and (frames or fps):
        found += (Finding("E126", f"{path} has {frames} frame{'' if frames == 1 else 's'}, 2 are needed"),)
    elif 2 <= frames < 4:
        found += (Finding("E127", f"{path} has {frames} frames"),)
    if fps <= 0:
        found += (Finding("E128", f"{path} has no frame rate"),)
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
