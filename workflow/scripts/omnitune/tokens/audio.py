"""Tokens of sound, from the number of its samples at its own rate."""

import math

from omnitune.tokens.unknown import Unknown

HOP = 160

# Constants of FFmpeg's resampler, libswresample (options filter_size and cutoff; resample.c, resample_init).
_TAPS = 32
_CUTOFF = 0.97
# ms-swift pads shorter sound before it resamples (vision_utils, _resample_audio_pyav).
_SHORTEST = 1024


def audio_tokens(samples: int) -> int:
    """Tokens of sound of that many samples at the rate that the model gets.

    ms-swift cuts the sound to whole hops (templates/qwen.py, trim_audio_to_hop_length), each becomes one frame of
    features, and a hundred frames become 13 tokens, the rest three times half (processing_qwen3_omni_moe.py,
    _get_feat_extract_output_lengths).

    Raises:
        Unknown: for less than two hops, of which no features can be made.
    """
    frames = samples // HOP
    if frames < 2:
        raise Unknown(f"{samples} samples are too few for the audio encoder")
    whole, rest = divmod(frames, 100)
    for _ in range(3):
        rest = (rest - 1) // 2 + 1
    return 13 * whole + rest


def resampled(samples: int, rate: int, wanted: int) -> int:
    """Samples after resampling a file that libsndfile reads (WAV, FLAC, OGG, MP3 and others).

    ms-swift, vision_utils._resample_audio_pyav: one frame through FFmpeg's resampler, flushed, then cut to the
    ceiling of samples x wanted / rate. When the rate goes down the flush may end one sample short of it, because
    libswresample mirrors only half of what is left in its buffer (resample.c, resample_flush).
    """
    if rate == wanted:
        return samples
    taps = _filter_length(rate, wanted)
    left = taps // 2 - 1
    given = max(samples, _SHORTEST) + left
    before_flush = _ceil(given - taps + 1, rate, wanted)
    held = given - before_flush * rate // wanted
    mirrored = (min(held, taps) + 1) // 2
    return min(_ceil(samples, rate, wanted), _ceil(given + mirrored - taps + 1, rate, wanted))


def resampled_stream(samples: int, rate: int, wanted: int) -> int:
    """Samples after resampling what only FFmpeg decodes (M4A, AAC, the sound of a video).

    ms-swift, vision_utils._load_audio_soundfile_pyav: the frames go through the resampler as they are decoded, and
    it is never flushed, so that half its filter stays inside.
    """
    if rate == wanted:
        return samples
    return max(0, _ceil(samples - _filter_length(rate, wanted) // 2, rate, wanted))


def _filter_length(rate: int, wanted: int) -> int:
    """Taps of the resampler's filter, an even number (resample.c, resample_init)."""
    taps = max(math.ceil(_TAPS / min(wanted * _CUTOFF / rate, 1.0)), 1)
    return taps + taps % 2


def _ceil(samples: int, rate: int, wanted: int) -> int:
    return -(-samples * wanted // rate)
