"""A video made plain: upright and of one frame rate, its pictures coded anew as H.264, its sound copied."""

from collections.abc import Callable, Collection, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from omnitune.media.container import VIDEO_DEMUXERS, open_container
from omnitune.media.video_header import decord_reads
from omnitune.publish import open_atomic
from omnitune.validation.codes import RowError

CODES = frozenset({"E129", "E133", "E240", "E242"})
# Sound that MP4 holds as it is; other sound is coded as AAC.
_COPIED = ("aac", "mp3", "opus", "flac", "alac", "ac3", "eac3")
# Near enough to the original that the model, which sees it scaled down, cannot tell. One thread: the number of
# them changes the bytes.
_H264 = {"crf": "16", "preset": "veryfast", "threads": "1"}
# Even sides, which H.264 wants; and the width the next multiple of 32, the height as it follows.
_EVEN, _WIDER = "trunc(iw/2)*2:trunc(ih/2)*2", "ceil(iw/32)*32:-2"
_TURNS = {90: ["transpose=cclock"], -90: ["transpose=clock"], 180: ["hflip", "vflip"], -180: ["hflip", "vflip"]}


def mend_video(path: str, codes: Collection[str], output: Path, seconds: float) -> None:
    """Write the first video and audio track of `path` to `output`, an MP4 that appears when it is whole.

    The pictures are always turned upright: what their header says of it is lost with the old coding. `codes` with
    E129 gives each the same time, at the average rate; with E240 the sound is coded anew, too.

    Args:
        path: the original; it is only read.
        codes: of CODES.
        output: where it appears.
        seconds: pictures beyond that are refused.

    Raises:
        RowError: the file is damaged, has no pictures or holds too many.
    """
    import av

    with (
        open_container(path, VIDEO_DEMUXERS, "E135", "no video that can be opened") as source,
        open_atomic(output) as file,
        # No names of programs and their versions: equal input gives equal bytes.
        av.open(file, "w", format="mp4", options={"fflags": "+bitexact"}) as target,
    ):
        if not source.streams.video:
            raise RowError("E125", f"{path} has no video stream")
        try:
            _recode(path, codes, source, target, seconds)
        except (av.FFmpegError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise RowError("E135", f"{path} cannot be coded anew ({reason})") from None


def _recode(path: str, codes: Collection[str], source: Any, target: Any, seconds: float) -> None:
    pictures = source.streams.video[0]
    rate = Fraction(pictures.average_rate or pictures.guessed_rate or 0)
    if rate <= 0:
        raise RowError("E128", f"{path} has no frame rate")
    coded = target.add_stream("libx264", rate=rate, options=_H264)
    sounds = source.streams.audio[:1]
    add_sound = _sound(sounds[0], target, () if "E240" in codes else _COPIED) if sounds else list
    graph = _Graph(pictures, rate if "E129" in codes else None)
    # The first packet written settles the size of the pictures: sound waits until one is there.
    waiting: list[Any] = []
    for packet in source.demux(pictures, *sounds):
        if packet.stream.type == "audio":
            waiting += add_sound(packet)
        else:
            for frame in graph.add(packet.decode()):
                waiting += _encode(path, coded, frame, seconds)
        if coded.codec_context.is_open:
            target.mux(waiting)
            waiting = []
    for frame in graph.rest():
        waiting += _encode(path, coded, frame, seconds)
    if not coded.codec_context.is_open:
        raise RowError("E135", f"{path} has no picture that can be decoded")
    target.mux([*waiting, *coded.encode(None)])


def _sound(stream: Any, target: Any, kept: Collection[str]) -> Callable[[Any], list[Any]]:
    """What makes packets for `target` out of those of `stream`; the last, empty one flushes."""
    if stream.codec_context.codec.canonical_name not in kept:
        # PCM in AVI and Matroska says how many channels there are, and not which.
        layout = {"1 channels": "mono", "2 channels": "stereo"}.get(stream.layout.name, stream.layout)
        coded = target.add_stream("aac", rate=stream.rate, layout=layout)
        return lambda packet: [
            part for frame in [*packet.decode(), *([] if packet.size else [None])] for part in coded.encode(frame)
        ]
    copied = target.add_stream_from_template(stream)

    def copy(packet: Any) -> list[Any]:
        if packet.dts is None:
            return []
        packet.stream = copied
        return [packet]

    return copy


def _encode(path: str, coded: Any, frame: Any, seconds: float) -> list[Any]:
    if frame.time > seconds:
        raise RowError("E135", f"{path} holds more pictures than the {seconds:.0f} s of its header")
    if not coded.codec_context.is_open:
        coded.width, coded.height, coded.pix_fmt = frame.width, frame.height, frame.format.name
        coded.codec_context.time_base = frame.time_base
    frame.pict_type = 0  # the encoder decides which are key frames
    return list(coded.encode(frame))


class _Graph:
    """Frames turned upright, at `rate` when given, in even sizes and with 8 bits, as H.264 is most widely read."""

    def __init__(self, stream: Any, rate: Fraction | None) -> None:
        self._stream, self._rate = stream, rate
        self._graph: Any = None  # what there is to turn is known by the first frame

    def add(self, frames: list[Any]) -> Iterator[Any]:
        for frame in frames:
            if self._graph is None:
                self._graph = self._open(frame.rotation)
            self._graph.push(frame)
            yield from self._ready()

    def rest(self) -> Iterator[Any]:
        if self._graph is not None:
            self._graph.push(None)
            yield from self._ready()

    def _ready(self) -> Iterator[Any]:
        import av

        while True:
            try:
                yield self._graph.pull()
            except (av.BlockingIOError, av.EOFError):
                return

    def _open(self, rotation: int) -> Any:
        from av.filter import Graph

        width = self._stream.height if rotation in (90, -90) else self._stream.width
        size, graph = _EVEN if decord_reads(width) else _WIDER, Graph()
        wanted = [*_TURNS.get(rotation, []), f"scale={size}:flags=lanczos", "format=yuv420p"]
        if self._rate is not None:
            wanted.append(f"fps={self._rate.numerator}/{self._rate.denominator}")
        filters = [graph.add(*name.split("=", 1)) for name in wanted]
        graph.link_nodes(graph.add_buffer(template=self._stream), *filters, graph.add("buffersink")).configure()
        return graph
