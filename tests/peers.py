"""What reads media in training: `{swift python} peers.py sounds|clips` answers each line of its input with one.

A line is a path, or `[path, indices]` of a clip; the answer is what ms-swift's `load_audio` or `load_image` or
decord make of the file, or the error as text. A file may end or stop this program: whoever asks must see to that.
"""

import json
import os
import sys
from collections.abc import Callable
from typing import Any

SOUNDS, IMAGES, CLIPS = "audio", "image", "video"


def _sound() -> Callable[[str], Any]:
    os.environ["SWIFT_AUDIO_LOAD_BACKEND"] = "soundfile_pyav"
    from swift.template.vision_utils import load_audio

    def read(path: str) -> Any:
        heard = load_audio(path, 16_000)
        return [len(heard), float(abs(heard).max())] if len(heard) else [0, 0.0]

    return read


def _image() -> Callable[[str], Any]:
    from swift.template.vision_utils import load_image

    def read(path: str) -> Any:
        image = load_image(path)
        image.load()
        return list(image.size)

    return read


def _clip() -> Callable[[str], Any]:
    import decord
    import numpy as np

    def read(path: str) -> Any:
        """As qwen_omni_utils does, which takes two frames a second, four at least, evenly over the clip."""
        video = decord.VideoReader(path)
        total, rate = len(video), video.get_avg_fps()
        taken = min(max(total / rate * 2, 4), 768, total) // 2 * 2
        if taken < 2:
            raise ValueError(f"{total} frames")
        indices = np.linspace(0, total - 1, int(taken)).round().astype(int).tolist()
        frames = video.get_batch(indices).asnumpy()
        return [total, rate, len(frames), frames.shape[2], frames.shape[1]]

    return read


def main(modality: str) -> None:
    """Answer until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    # Libraries write to the standard output as they please.
    os.dup2(2, 1)
    read = {SOUNDS: _sound, IMAGES: _image, CLIPS: _clip}[modality]()
    print(json.dumps("ready"), file=answers, flush=True)
    for line in sys.stdin:
        try:
            answer = read(json.loads(line))
        except Exception as error:
            answer = f"{type(error).__name__}: {error}"[:300]
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
