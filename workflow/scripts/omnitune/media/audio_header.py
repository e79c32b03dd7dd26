"""Headers of audio files."""

import os

from omnitune.media.container import AUDIO_DEMUXERS, codec_of, count_packets, open_container, seconds_of
from omnitune.media.facts import Limits, Opened, Probe
from omnitune.media.labels import mislabelled
from omnitune.media.mp4_extent import missing_share
from omnitune.media.mp4_header import FORMAT as MP4
from omnitune.media.mp4_header import read_mp4
from omnitune.media.sniff import refuse_text
from omnitune.media.sound import Sound
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
_WANTED_RATE = 16_000
# libsndfile answers with a number near 2**63 when a header leaves the length open.
_NO_LENGTH = 2**60


def probe_audio(file: Opened, limits: Limits) -> Probe:
    """What an audio file's header says; a RowError when there is nothing to hear in it."""
    sound = read_wave(file) or _read_by_libsndfile(file) or _read_mp4(file) or _read_by_ffmpeg(file)
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
    if rate != _WANTED_RATE or channels != 1:
        findings += _form(path, rate, channels, limits)
    seconds = frames / rate
    if not limits.audio_min_seconds <= seconds <= limits.audio_max_seconds:
        findings += _duration(path, seconds, limits)
    if name not in _PLAIN_FORMATS or codec not in _PLAIN_CODECS:
        findings += (Finding("E096", f"{path} is {name} with {codec} sound, which not every reader decodes"),)
    if sound.tracks > 1:
        findings += (Finding("E099", f"{path} has {sound.tracks} audio tracks, and the first is used"),)
    if file.head.startswith(b"ID3"):
        findings += _tag(file, limits)
    return Probe(
        "audio", name, 0, 0, seconds, rate, channels, frames, False, 0.0, 0.0, 0, "", 0, 0, codec, findings
    )


def _read_by_libsndfile(file: Opened) -> Sound | None:
    # An ISO file may begin with bytes that libsndfile takes for MP3.
    if file.head[4:8] == b"ftyp":
        return None
    refuse_text(file.path, file.head)
    import soundfile

    # A file begins for libsndfile where the reading position is.
    os.lseek(file.fd, 0, os.SEEK_SET)
    try:
        # By its number: a file named .raw would be taken for samples without a header.
        with soundfile.SoundFile(file.fd, closefd=False) as sound:
            frames = sound.frames
            if frames < _NO_LENGTH:
                return Sound(sound.format, sound.subtype, sound.samplerate, sound.channels, frames, frames)
    except soundfile.SoundFileError:
        pass
    return None


def _read_mp4(file: Opened) -> Sound | None:
    tracks = [track for track in read_mp4(file) or () if not track.pictures]
    if not tracks:
        return None
    track = tracks[0]
    rate, declared = track.entry.rate, round(track.seconds * track.entry.rate)
    frames = round(declared * (1 - missing_share(track, file)))
    return Sound(MP4, track.entry.codec, rate, track.entry.channels, frames, declared, len(tracks))


def _read_by_ffmpeg(file: Opened) -> Sound:
    """What neither of the others knows: AAC, the sound of a video."""
    path = file.path
    with open_container(path, AUDIO_DEMUXERS, "E080", "no audio format that is known") as container:
        if not container.streams.audio:
            raise RowError("E080", f"{path} has no audio track")
        stream = container.streams.audio[0]
        codec = codec_of(stream)
        if not codec:
            raise RowError("E096", f"{path} has sound in a codec that cannot be decoded here")
        rate, seconds = stream.sample_rate or 0, seconds_of(stream, container)
        open_end = seconds <= 0
        if open_end:
            _, seconds = count_packets(stream, container)
        frames, tracks = round(seconds * rate), len(container.streams.audio)
        declared = -1 if open_end else frames
        return Sound(container.format.name, codec, rate, stream.channels, frames, declared, tracks)


def _length(path: str, frames: int, declared: int) -> tuple[Finding, ...]:
    if declared < 0:
        return (Finding("E083", f"{path} was written as a stream: its length, {frames} samples, is the file's"),)
    return (Finding("E081", f"{path} has {frames} samples where its header says {declared}"),)


def _form(path: str, rate: int, channels: int, limits: Limits) -> tuple[Finding, ...]:
    found: tuple[Finding, ...] = ()
    if not limits.audio_min_rate <= rate <= limits.audio_max_rate:
        found += (Finding("E094", f"{path} has a sample rate of {rate} Hz"),)
    elif rate < _WANTED_RATE:
        found += (Finding("E087", f"{path} is sampled at {rate} Hz, below the {_WANTED_RATE} Hz of the model"),)
    if channels > limits.audio_max_channels:
        found += (Finding("E095", f"{path} has {channels} channels, the limit is {limits.audio_max_channels}"),)
    elif channels > 1 or rate > _WANTED_RATE:
        found += (
            Finding("E086", f"{path} has {channels} x {rate} Hz (channels x rate), not 1 x {_WANTED_RATE} Hz"),
        )
    return found


def _duration(path: str, seconds: float, limits: Limits) -> tuple[Finding, ...]:
    if seconds < limits.audio_min_seconds:
        what = f"{path} lasts {seconds:.4f} s, less than {limits.audio_min_seconds} s"
        return (Finding("E091", what),)
    return (Finding("E092", f"{path} lasts {seconds:.0f} s, the limit is {limits.audio_max_seconds:.0f} s"),)


def _tag(file: Opened, limits: Limits) -> tuple[Finding, ...]:
    size = 0
    for byte in file.head[6:10]:
        size = size << 7 | byte & 0x7F
    if size <= limits.audio_max_tag:
        return ()
    return (Finding("E097", f"{file.path} begins with a tag of {size / 1e6:.0f} MB"),)
