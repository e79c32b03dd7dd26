"""A video by its container: the index of an MP4, or what FFmpeg says of anything else."""

from typing import Any

import msgspec

from omnitune.media.container import (
    MAX_PACKETS,
    VIDEO_DEMUXERS,
    codec_of,
    count_packets,
    open_container,
    seconds_of,
)
from omnitune.media.facts import Opened
from omnitune.media.mp4_extent import missing_share
from omnitune.media.mp4_header import EDIT_SLACK, Track
from omnitune.media.mp4_header import FORMAT as MP4
from omnitune.validation.codes import Finding, RowError

_HDR_TRANSFERS = (16, 18)
_INTERLACED = range(2, 6)
# A cut end is repaired by leaving it out; more than this is not the same video any more.
_MAX_MISSING = 0.05
# Bytes of a file that is read to its end for the number of frames, which its container does not tell.
_COUNTED_SIZE = 32 << 20


class Film(msgspec.Struct, frozen=True, gc=False):
    """What a reader found out about a video.

    Attributes:
        fps: frames a second, edits left aside, as decord has it.
        counted: whether `frames` is a count.
        sound: seconds and rate of the first audio track, zeros when there is none.
        sound_codec: FFmpeg's name of that track's codec.
        decoded: samples that FFmpeg decodes of that track; 0 when decoding alone tells.
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
    counted: bool = True
    decoded: int = 0
    sound_codec: str = ""


def film_of_tracks(file: Opened, tracks: list[Track]) -> Film:
    """The video that an MP4's index describes; a RowError when there are no pictures in it."""
    film = sound = None
    sounds, unheard = 0, 0.0
    for track in tracks:
        if track.pictures:
            film = film or track
        else:
            sound = sound or track
            sounds += 1
            unheard = max(unheard, missing_share(track, file))
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
        film.frames / film.timed if film.timed else 0.0,
        film.rotation,
        entry.unusual,
        (sound.seconds, sound.entry.rate) if sound else (0.0, 0),
        sounds,
        tuple(_problems(file.path, film, missing, unheard)) if missing or unheard or not _is_plain(film) else (),
        True,
        sound.decoded if sound else 0,
        sound_codec=sound.entry.codec if sound else "",
    )


def _is_plain(film: Track) -> bool:
    """Whether the index holds nothing to remark upon; nearly every file takes this way."""
    return (
        film.told == film.shown
        and not (film.uneven or film.starts)
        and film.keyframe == 1
        and film.edits < 2
        and film.skips < EDIT_SLACK
        and film.entry.sizes == 1
    )


def _problems(path: str, film: Track, missing: float, unheard: float) -> list[Finding]:
    found = []
    if film.uneven:
        found.append(
            Finding("E129", f"{path} has a variable frame rate, {film.frames / film.seconds:.2f} on average")
        )
    if missing > _MAX_MISSING:
        there = film.frames - round(missing * film.frames)
        found.append(Finding("E136", f"{path} has {there} of the {film.frames} frames that its index lists"))
    elif unheard:
        what = f"{100 * unheard:.0f} % of the sound that the index of {path} lists is not there"
        found.append(Finding("E136", what))
    if film.told and abs(film.told - film.shown) > max(1.0, 0.1 * film.shown):
        found.append(
            Finding("E137", f"the header of {path} says {film.told:.1f} s, its frames last {film.shown:.1f} s")
        )
    what = _unusual_start(film)
    if what:
        found.append(Finding("E138", f"{path} {what}"))
    if film.keyframe > 1:
        found.append(Finding("E242", f"{path} {what}, and decord 0.6.0 cannot read its first frames"))
    if film.entry.sizes > 1:
        found.append(Finding("E139", f"{path} changes its size within the video"))
    return found


def _unusual_start(film: Track) -> str:
    if film.keyframe != 1:
        return "does not begin with a keyframe" if film.keyframe else "has no keyframe"
    if film.starts > EDIT_SLACK:
        return f"begins with {film.starts:.1f} s without pictures"
    if film.skips > EDIT_SLACK:
        return f"leaves out its first {film.skips:.1f} s by an edit list"
    return f"is put together by an edit list of {film.edits} segments" if film.edits > 1 else ""


def film_by_ffmpeg(file: Opened) -> Film:
    """The video as FFmpeg sees it, whatever container it is in; a RowError when it does not open it."""
    file.hand_over()
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
        # A header may count but a part: the frames before the first fragment.
        counted = frames > 0 and (not fps or abs(frames / fps - seconds) <= max(1.0, 0.1 * seconds))
        frames = frames or round(seconds * fps)
        if not counted and (not frames or file.size <= _COUNTED_SIZE):
            frames, span = count_packets(stream, container)
            counted = frames < MAX_PACKETS
            # In fragments FFmpeg adds up how long decoding takes, which is not how long B-frames are shown.
            seconds = span if counted and container.format.name == MP4 else seconds or span
            fps = fps or (frames / seconds if seconds else 0.0)
        if not stream.frames and not (container.duration and stream.average_rate):
            what = f"{path} tells no number of frames, and no length and rate, and decord 0.6.0 cannot read that"
            problems += (Finding("E242", what),)
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
            counted,
            sound_codec=codec_of(sounds[0]) if sounds else "",
        )


def _unusual(stream: Any) -> list[str]:
    context, ratio = stream.codec_context, stream.sample_aspect_ratio
    parts = context.format.components if context.pix_fmt and context.format else ()
    found = []
    if ratio and ratio != 1:
        found.append("pixels that are not square")
    if context.field_order in _INTERLACED:
        found.append("interlaced pictures")
    if context.color_trc in _HDR_TRANSFERS:
        found.append("HDR")
    if any(part.bits > 8 for part in parts):
        found.append("more than 8 bits a colour")
    # FFmpeg gives out every GIF with alpha, whether a colour is see-through or not.
    alpha = context.name != "gif" and any(part.is_alpha for part in parts)
    if alpha or stream.metadata.get("alpha_mode") == "1":
        found.append("an alpha channel")
    return found
