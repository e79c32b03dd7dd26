"""Tokens of whole rows: their text and the media that their headers describe."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from omnitune.errors import PipelineError
from omnitune.media.probe import Probe
from omnitune.records import Record
from omnitune.tokens.audio import HOP, audio_tokens, resampled, resampled_stream
from omnitune.tokens.budget import FRAMES_PER_GRID, MODEL_RATE, SIDE, MediaBudget
from omnitune.tokens.image import image_tokens
from omnitune.tokens.text import TextCounter
from omnitune.tokens.unknown import Unknown
from omnitune.tokens.video import video_tokens


class RowTokens(NamedTuple):
    """Tokens of a row: those that are shown, and those that are trained on."""

    prompt: int
    answer: int

    @property
    def total(self) -> int:
        """Length of the row, as ms-swift compares it with max_length."""
        return self.prompt + self.answer


class RowCounter:
    """Counts rows in batches, equal to ms-swift's own encoding of them.

    Args:
        model: folder of the base: vocabulary and the processor's constants.
        budget: the limits of media.

    Raises:
        PipelineError: when the model's processor has other constants than Qwen3-Omni's.
    """

    def __init__(self, model: Path, budget: MediaBudget) -> None:
        _check_processor(model)
        self._budget = budget
        self._text = TextCounter(model, audio_in_video=budget.audio_in_video)

    def count(self, records: Sequence[Record], media: Sequence[Sequence[Probe]]) -> list[RowTokens | Unknown]:
        """Tokens of each record, or why they cannot be told.

        Args:
            records: rows that passed `validation.checks`.
            media: for each record the probes of its media, in the order of `Record.media`.
        """
        rows: list[RowTokens | Unknown] = []
        for text, probes in zip(self._text.count(records), media, strict=True):
            if isinstance(text, Unknown):
                rows.append(text)
                continue
            try:
                # Each medium has one token in the text already.
                more = sum(media_tokens(probe, self._budget) - 1 for probe in probes)
            except Unknown as reason:
                rows.append(reason)
            else:
                rows.append(RowTokens(text.prompt + more, text.answer))
        return rows


def media_tokens(probe: Probe, budget: MediaBudget) -> int:
    """Tokens that stand for one medium, without the ones around it.

    Raises:
        Unknown: when its header does not tell.
    """
    if probe.modality == "image":
        return image_tokens(probe.width, probe.height, budget)
    if probe.modality == "audio":
        return _sound(probe, budget)
    tokens = _pictures(probe, budget)
    return tokens + _sound(probe, budget) if budget.audio_in_video else tokens


def _pictures(probe: Probe, budget: MediaBudget) -> int:
    if not probe.counted:
        raise Unknown(f"{probe.format} does not count its frames")
    rate = probe.fps
    if not (probe.frames and rate):
        raise Unknown("the header gives no number of frames or no rate")
    # decord turns a clip that is to be shown upright.
    lying = probe.rotation in (90, 270)
    width, height = (probe.height, probe.width) if lying else (probe.width, probe.height)
    return video_tokens(width, height, probe.frames, rate, budget)


def _sound(probe: Probe, budget: MediaBudget) -> int:
    wanted = budget.sampling_rate
    # libsndfile's names of formats are in capitals.
    if probe.format.isupper():
        if not probe.counted:
            raise Unknown(f"the length of an {probe.format} without an index is an estimate")
        return audio_tokens(resampled(probe.frames, probe.sample_rate, wanted))
    rate, channels, samples = probe.audio_rate or probe.sample_rate, probe.channels, probe.audio_samples
    if not (samples and rate):
        raise Unknown(f"the sound of {probe.format} is of a length that the header does not tell exactly")
    if rate == wanted and channels != 1 and probe.codec.startswith("pcm"):
        raise Unknown(f"ms-swift strings the {channels} channels of {probe.format} together")
    return audio_tokens(resampled_stream(samples, rate, wanted))


def _check_processor(model: Path) -> None:
    path = model / "preprocessor_config.json"
    found = json.loads(path.read_bytes())
    wanted = {
        "patch_size": SIDE // 2,
        "merge_size": 2,
        "temporal_patch_size": FRAMES_PER_GRID,
        "hop_length": HOP,
        "sampling_rate": MODEL_RATE,
    }
    other = {name: found[name] for name, value in wanted.items() if found.get(name, value) != value}
    if other:
        raise PipelineError(
            f"its processor has {', '.join(f'{name} {value}' for name, value in other.items())}, not Qwen3-Omni's",
            where=str(path),
            fix="Name a Qwen3-Omni checkpoint.",
        )
