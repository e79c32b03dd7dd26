"""Tokens of a clip, from its size, frames and frame rate."""

import math

from omnitune.media.video_header import decord_reads
from omnitune.tokens.budget import FRAMES_PER_GRID, MediaBudget
from omnitune.tokens.image import grid
from omnitune.tokens.unknown import Unknown


def video_tokens(width: int, height: int, frames: int, fps: float, budget: MediaBudget) -> int:
    """Tokens of the pictures of a clip; its sound, when it is heard, adds `audio_tokens` between them.

    qwen_omni_utils, fetch_video: frames are chosen, each is resized alike, and two share one grid of tokens; the
    processor is called with do_resize=False and does not sample again. How pictures and sound are interleaved
    changes their order and not their number (Qwen2_5OmniTemplate._get_new_tokens_use_audio_in_video).

    Args:
        width, height: pixels of a frame as it is shown: decord turns a clip that is stored lying.
        frames: number of packets of the video stream, which is what decord counts.
        fps: its average frame rate, from the header.

    Raises:
        Unknown: for a clip that ms-swift refuses.
    """
    if not decord_reads(width):
        raise Unknown(f"decord cannot read pictures that are {width} wide")
    taken = sampled_frames(frames, fps, budget)
    rows, columns = grid(width, height, budget.video_min, budget.frame_max(taken))
    return taken // FRAMES_PER_GRID * rows * columns


def sampled_frames(frames: int, fps: float, budget: MediaBudget) -> int:
    """Frames taken from a clip, an even number (qwen_omni_utils, smart_nframes).

    Raises:
        Unknown: for fewer than two.
    """
    pair = FRAMES_PER_GRID
    least = math.ceil(budget.min_frames / pair) * pair
    most = min(budget.max_frames, frames) // pair * pair
    wanted = frames / fps * budget.fps
    taken = math.floor(min(max(wanted, least), most, frames) / pair) * pair
    if taken < pair:
        raise Unknown(f"{frames} frames are fewer than {pair}")
    return taken
