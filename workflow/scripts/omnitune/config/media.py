"""`media:` one contract for training, inference and deployment."""

from pydantic import Field

from omnitune.config.base import Positive, Section


class MediaConfig(Section):
    """How pictures, clips and sound reach the model, equal in every stage."""

    roots: list[str] = Field(
        ["data"], min_length=1, description="Folders that media may lie in; others are refused."
    )
    image_max_pixels: Positive = Field(
        1003520, ge=4096, description="Pixels of one image, at most; larger ones shrink."
    )
    video_max_pixels: Positive = Field(50176, ge=4096, description="Pixels of one video frame, at most.")
    video_max_frames: Positive = Field(12, ge=2, description="Frames taken from one clip, at most.")
    sampling_rate: Positive = Field(
        16000, description="Hz that audio is resampled to; the model was made for 16000."
    )
    audio_in_video: bool = Field(False, description="Whether a clip's sound track is heard with its frames.")
