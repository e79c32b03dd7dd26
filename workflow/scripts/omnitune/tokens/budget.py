"""What the media contract's variables mean once ms-swift and the processor have read them."""

from collections.abc import Mapping

import msgspec

from omnitune.config.media import MediaConfig

# Pixels of one visual token: a patch of 16 x 16, merged 2 x 2 (preprocessor_config.json of Qwen3-Omni).
SIDE = 32
PIXELS_PER_TOKEN = SIDE * SIDE
# Frames that share one token's place in time.
FRAMES_PER_GRID = 2
# Hz that the audio encoder was made for.
MODEL_RATE = 16_000

# swift/model/models/qwen.py, compat_qwen_vl_utils: these are read only where the token variable is not set.
_PIXEL_NAMES = {
    "IMAGE_MIN_TOKEN_NUM": "MIN_PIXELS",
    "IMAGE_MAX_TOKEN_NUM": "MAX_PIXELS",
    "VIDEO_MIN_TOKEN_NUM": "VIDEO_MIN_PIXELS",
    "VIDEO_MAX_TOKEN_NUM": "VIDEO_MAX_PIXELS",
}
_READERS = {"FORCE_QWENVL_VIDEO_READER": "decord", "SWIFT_AUDIO_LOAD_BACKEND": "soundfile_pyav"}


class MediaBudget(msgspec.Struct, frozen=True):
    """The limits under which media become tokens.

    The defaults are those of qwen_omni_utils (v2_5/vision_process.py).

    Attributes:
        image_min, image_max: pixels of an image.
        video_min, video_max: pixels of a frame; see `frame_max` for what is made of them.
        video_total: pixels of all pairs of frames of a clip.
        fps: frames taken from a second.
        min_frames, max_frames: frames taken from a clip.
        sampling_rate: Hz that sound is resampled to.
        audio_in_video: whether the sound track of a clip is heard.
    """

    image_min: int = 4 * PIXELS_PER_TOKEN
    image_max: int = 16_384 * PIXELS_PER_TOKEN
    video_min: int = 128 * PIXELS_PER_TOKEN
    video_max: int = 768 * PIXELS_PER_TOKEN
    video_total: float = 128_000 * PIXELS_PER_TOKEN * 0.9
    fps: float = 2.0
    min_frames: int = 4
    max_frames: int = 768
    sampling_rate: int = MODEL_RATE
    audio_in_video: bool = False

    @classmethod
    def of(cls, env: Mapping[str, str]) -> "MediaBudget":
        """The limits that ms-swift takes from its environment.

        Raises:
            ValueError: when the environment names other readers than those whose formulas these are.
        """
        for name, reader in _READERS.items():
            if env.get(name) != reader:
                raise ValueError(f"{name} is {env.get(name)}; lengths are known for {reader} alone")

        def pixels(name: str, default: int) -> int:
            value = env.get(name)
            if not value and (given := env.get(_PIXEL_NAMES[name])):
                value = str(int(given) // PIXELS_PER_TOKEN)
            return int(value) * PIXELS_PER_TOKEN if value else default

        none = cls()
        return cls(
            image_min=pixels("IMAGE_MIN_TOKEN_NUM", none.image_min),
            image_max=pixels("IMAGE_MAX_TOKEN_NUM", none.image_max),
            video_min=pixels("VIDEO_MIN_TOKEN_NUM", none.video_min),
            video_max=pixels("VIDEO_MAX_TOKEN_NUM", none.video_max),
            video_total=int(float(env.get("MODEL_SEQ_LEN", 128_000))) * PIXELS_PER_TOKEN * 0.9,
            fps=float(env.get("FPS", none.fps)),
            min_frames=int(env.get("FPS_MIN_FRAMES", none.min_frames)),
            max_frames=int(env.get("FPS_MAX_FRAMES", none.max_frames)),
            sampling_rate=int(env.get("SAMPLING_RATE", none.sampling_rate)),
            audio_in_video=env.get("USE_AUDIO_IN_VIDEO", "0").lower() in ("1", "true", "yes", "y", "on", "t"),
        )

    def frame_max(self, frames: int) -> float:
        """Pixels of one frame, at most, when that many are taken.

        qwen_omni_utils, fetch_video: a frame gets its share of the total, and 1.05 times the minimum wins over
        whatever the maximum says.
        """
        share = self.video_total / frames * FRAMES_PER_GRID
        return max(min(self.video_max, share), int(self.video_min * 1.05))


class Setting(msgspec.Struct, frozen=True):
    """One row of the table of what settings really mean.

    Attributes:
        setting: key of the config.
        asked: its value.
        effective: what comes of it, in the same unit.
        holds: whether the wish comes true: a limit is kept, a value is the one used.
        note: the sentence that explains it, or says what to do.
    """

    setting: str
    asked: int | bool
    effective: int | bool
    holds: bool
    note: str


def effective_budget(media: MediaConfig, env: Mapping[str, str]) -> list[Setting]:
    """What the `media` section comes to under the environment that is made of it."""
    budget = MediaBudget.of(env)
    return [_image(media, budget), _video(media, budget, env), _frames(media, budget), *_sound(media, budget)]


def _image(media: MediaConfig, budget: MediaBudget) -> Setting:
    asked, effective = media.image_max_pixels, budget.image_max
    note = f"An image is at most {effective // PIXELS_PER_TOKEN} tokens of {SIDE} x {SIDE} pixels."
    if effective > asked:
        note += " Ask for more, or set fewer tokens."
    return Setting("media.image_max_pixels", asked, effective, effective <= asked, note)


def _video(media: MediaConfig, budget: MediaBudget, env: Mapping[str, str]) -> Setting:
    asked, frames = media.video_max_pixels, _most_frames(budget)
    effective = _whole(budget.frame_max(frames))
    pairs = frames // FRAMES_PER_GRID
    tokens = effective // PIXELS_PER_TOKEN
    note = f"A pair of frames is at most {tokens} tokens, a clip {pairs} times that, {pairs * tokens}."
    readers = {name: env[name] for name in _READERS}
    alone = int(MediaBudget.of({"VIDEO_MAX_PIXELS": str(asked), **readers}).frame_max(FRAMES_PER_GRID))
    if effective > asked:
        note += (
            f" More than asked: a minimum of {budget.video_min} pixels a frame wins. Lower VIDEO_MIN_TOKEN_NUM."
        )
    elif alone > asked:
        note += (
            f" VIDEO_MAX_PIXELS={asked} alone would have meant {alone:,} pixels, because a minimum of 128 tokens"
            " wins over it; so the minimum is lowered too."
        )
    if effective < _whole(budget.video_max):
        note += f" With {frames} frames a clip's total leaves no more."
    return Setting("media.video_max_pixels", asked, effective, effective <= asked, note)


def _frames(media: MediaConfig, budget: MediaBudget) -> Setting:
    asked, effective = media.video_max_frames, _most_frames(budget)
    seconds = effective / budget.fps
    note = f"{budget.fps:g} frames a second up to {seconds:g} s; a longer clip is seen at fewer a second."
    if effective < asked:
        note += " Frames are taken in pairs."
    return Setting("media.video_max_frames", asked, effective, effective <= asked, note)


def _sound(media: MediaConfig, budget: MediaBudget) -> list[Setting]:
    rate = budget.sampling_rate
    holds = rate == MODEL_RATE
    note = "A second of sound is 13 tokens."
    if not holds:
        note = (
            f"The encoder takes every sound for one of {MODEL_RATE} Hz and would hear this one"
            f" {MODEL_RATE / rate:.3g} times as fast. Set it to {MODEL_RATE}."
        )
    heard = "heard: 13 tokens a second more, and every clip needs one" if budget.audio_in_video else "not heard"
    return [
        Setting("media.sampling_rate", media.sampling_rate, rate, holds, note),
        Setting(
            "media.audio_in_video",
            media.audio_in_video,
            budget.audio_in_video,
            media.audio_in_video == budget.audio_in_video,
            f"The sound track of a clip is {heard}.",
        ),
    ]


def _most_frames(budget: MediaBudget) -> int:
    return budget.max_frames // FRAMES_PER_GRID * FRAMES_PER_GRID


def _whole(pixels: float) -> int:
    """Pixels of the whole tokens in it."""
    return int(pixels) // PIXELS_PER_TOKEN * PIXELS_PER_TOKEN
