"""Headers of audio files."""

import msgspec

from omnitune.media.container import (
    AUDIO_DEMUXERS,
    MAX_PACKETS,
    codec_of,
    count_packets,
    open_container,
    seconds_of,
)
from omnitune.media.facts import Limits, Opened, Probe
from omnitune.media.flac_header import read_flac
from omnitune.media.labels import mislabelled
from omnitune.media.mp3_header import read_mp3
from omnitune.media.mp4_extent import missing_share
from omnitune.media.mp4_header import FORMAT as MP4
from omnitune.media.mp4_header import read_mp4
from omnitune.media.sniff import refuse_text
from omnitune.media.sound import WANTED_RATE, Sound, unscaled
from omnitune.media.sound_file import NO_LENGTH, open_sound
from omnitune.media.sound_length import goes_on, mp3_samples, noted_end
from omnitune.media.wav_header import read_wave
from omnitune.validation.codes import Finding, RowError

# What every reader of the training side decodes, under libsndfile's and FFmpeg's names.
_PLAIN_FORMATS = {
    "WAV", "WAVEX", "FLAC", "OGG", "MP3",
    "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "mp3", "aac", "ogg", "flac", "wav", "avi", "mpegts",
}  # fmt: skip
_PLAIN_CODECS = {
    "PCM_U8", "PCM_S8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "VORBIS", "OPUS", "MPEG_LAYER_III",
    "pcm_u8", "pcm_s8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_s16be", "pcm_s24be", "pcm_f32le", "pcm_f64le",
    "aac", "mp3", "mp2", "opus", "vorbis", "flac", "alac",
}  # fmt: skip
# What our reader of WAV and libsndfile must agree on.
_FORM = ("format", "codec", "rate", "channels", "frames")
# Formats of FFmpeg's in which all packets of AAC come out whole.
_WHOLE_PACKETS = ("aac", MP4)
# Bytes of a file that is read to its end for its length, which its header does not tell.
_COUNTED_SIZE = 32 << 20


def probe_audio(file: Opened, limits: Limits) -> Probe:
    """What an audio file's header says; a RowError when there is nothing to hear in it."""
    sound = _read_wave(file) or read_flac(file) or read_mp3(file) or _read_by_libraries(file)
    path, name, codec, rate = file.path, sound.format, sound.codec, sound.rate
    channels, frames = sound.channels, sound.frames
    if rate <= 0:
        raise RowError("E094", f"{path} has a sample rate of {rate} Hz")
    if channels <= 0:
        raise RowError("E095", f"{path} has {channels} channels")
    if frames <= 0:
        raise RowError("E082", f"{path} has a header but no samples")
    findings = mislabelled(path, name, "E084")
    if sound.declared != frames:
        findings += _length(path, frames, sound.declared)
    if rate != WANTED_RATE or channels != 1:
        findings += _form(path, rate, channels, limits)
    seconds = frames / rate
    if not limits.audio_min_seconds <= seconds <= limits.audio_max_seconds:
        findings += _duration(path, seconds, limits)
    if sound.refused:
        findings += (Finding("E240", f"{path} is {name} with {codec} sound, {sound.refused}"),)
    elif name not in _PLAIN_FORMATS or codec not in _PLAIN_CODECS:
        findings += (Finding("E096", f"{path} is {name} with {codec} sound, which not every reader decodes"),)
    if sound.tracks > 1:
        findings += (Finding("E099", f"{path} has {sound.tracks} audio tracks, and the first is used"),)
    if name == "MP3" and (end := noted_end(file)):
        findings += _end(file, end, seconds)
    if file.head.startswith(b"ID3"):
        findings += _tag(file, limits)
    return Probe(
        *("audio", name, 0, 0, seconds, rate, channels, frames, False, 0.0, 0.0, 0, "", 0, 0, codec, findings),
        *(sound.counted, sound.decoded),
    )


def _read_wave(file: Opened) -> Sound | None:
    """The header of a WAV; what is not plain is held against libsndfile, which has the last word."""
    sound = read_wave(file)
    if sound is None or sound.plain:
        return sound
    library = _read_by_libsndfile(file)
    if isinstance(library, Sound):
        # Only our own reader knows how long the header says that the sound is.
        alike = all(getattr(sound, name) == getattr(library, name) for name in _FORM)
        return msgspec.structs.replace(sound, refused=library.refused) if alike else library
    return msgspec.structs.replace(sound, refused=library) if library else None


def _read_by_libraries(file: Opened) -> Sound:
    """The sound in the order in which ms-swift asks: libsndfile, then FFmpeg, whose MP4 headers are read here."""
    found = _read_by_libsndfile(file)
    if isinstance(found, Sound):
        return found
    return _read_mp4(file) or _read_by_ffmpeg(file, found or "")


def _read_by_libsndfile(file: Opened) -> Sound | str | None:
    """None when FFmpeg is to look at the file; a text when ms-swift does not ask it, why."""
    # An ISO file may begin with bytes that libsndfile takes for MP3.
    if file.head[4:8] == b"ftyp":
        return None
    refuse_text(file.path, file.head)
    file.hand_over()
    sound, refused = open_sound(file.fd)
    if sound is None:
        return refused
    with sound:
        facts, frames = (sound.format, sound.subtype, sound.samplerate, sound.channels), sound.frames
    if frames >= NO_LENGTH:
        return refused
    counted = True
    if facts[1] == "MPEG_LAYER_III":
        exact = mp3_samples(file, frames) if facts[0] == "MP3" else 0
        frames, counted = exact or frames, exact > 0
    return Sound(*facts, frames, frames, counted=counted, refused=refused)


def _read_mp4(file: Opened) -> Sound | None:
    tracks = [track for track in read_mp4(file) or () if not track.pictures]
    if not tracks:
        return None
    track = tracks[0]
    entry, declared = track.entry, round(track.seconds * track.entry.rate)
    missing = missing_share(track, file)
    return Sound(
        *(MP4, entry.codec, entry.rate, entry.channels, round(declared * (1 - missing)), declared, len(tracks)),
        decoded=0 if missing else track.decoded,
        refused=unscaled(entry.codec, entry.rate),
    )


def _read_by_ffmpeg(file: Opened, refused: str) -> Sound:
    """What neither of the others knows: AAC, the sound of a video."""
    file.hand_over()
    path = file.path
    with open_container(path, AUDIO_DEMUXERS, "E080", "no audio format that is known") as container:
        if not container.streams.audio:
            raise RowError("E080", f"{path} has no audio track")
        stream = container.streams.audio[0]
        codec = codec_of(stream)
        if not codec:
            raise RowError("E096", f"{path} has sound in a codec that cannot be decoded here")
        rate, seconds, decoded = stream.sample_rate or 0, seconds_of(stream, container), 0
        open_end = seconds <= 0
        # Packets of AAC without extensions are of one length: an ADTS file, or an MP4 in fragments.
        whole = codec == "aac" and stream.codec_context.profile == "LC" and container.format.name in _WHOLE_PACKETS
        if open_end or (whole and file.size <= _COUNTED_SIZE):
            packets, span = count_packets(stream, container)
            seconds = span if open_end else seconds
            decoded = 1024 * packets if whole and packets < MAX_PACKETS and not stream.start_time else 0
        frames, tracks = round(seconds * rate), len(container.streams.audio)
        declared = -1 if open_end else frames
        return Sound(
            *(container.format.name, codec, rate, stream.channels, frames, declared, tracks),
            decoded=decoded,
            refused=refused or unscaled(codec, rate),
        )


def _length(path: str, frames: int, declared: int) -> tuple[Finding, ...]:
    if declared < 0:
        return (Finding("E083", f"{path} was written as a stream: its length, {frames} samples, is the file's"),)
    return (Finding("E081", f"{path} has {frames} samples where its header says {declared}"),)


def _form(path: str, rate: int, channels: int, limits: Limits) -> tuple[Finding, ...]:
    found: tuple[Finding, ...] = ()
    if not limits.audio_min_rate <= rate <= limits.audio_max_rate:
        found += (Finding("E094", f"{path} has a sample rate of {rate} Hz"),)
    elif rate < WANTED_RATE:
        found += (Finding("E087", f"{path} is sampled at {rate} Hz, below the {WANTED_RATE} Hz of the model"),)
    if channels > limits.audio_max_channels:
        found += (Finding("E095", f"{path} has {channels} channels, the limit is {limits.audio_max_channels}"),)
    elif channels > 1 or rate > WANTED_RATE:
        found += (
            Finding("E086", f"{path} has {channels} x {rate} Hz (channels x rate), not 1 x {WANTED_RATE} Hz"),
        )
    return found


def _duration(path: str, seconds: float, limits: Limits) -> tuple[Finding, ...]:
    if seconds < limits.audio_min_seconds:
        what = f"{path} lasts {seconds:.4f} s, less than {limits.audio_min_seconds} s"
        return (Finding("E091", what),)
    return (Finding("E092", f"{path} lasts {seconds:.0f} s, the limit is {limits.audio_max_seconds:.0f} s"),)


def _end(file: Opened, end: int, seconds: float) -> tuple[Finding, ...]:
    if end > file.size:
        what = f"{file.path} is cut off or damaged: its sound ends {end - file.size} bytes after the file does"
        return (Finding("E081", what),)
    if goes_on(file, end):
        what = f"{file.path} goes on behind the {seconds:.1f} s that its first frame tells of; that is not heard"
        return (Finding("E100", what),)
    return ()


def _tag(file: Opened, limits: Limits) -> tuple[Finding, ...]:
    size = 0
    for byte in file.head[6:10]:
        size = size << 7 | byte & 0x7F
    if size <= limits.audio_max_tag:
        return ()
    return (Finding("E097", f"{file.path} begins with a tag of {size / 1e6:.0f} MB"),)
