"""What reads media in training: `{swift python} peers.py swift|decord` answers each line with one.

A line is [modality, path]; the answer is what ms-swift's `load_audio` or `load_image`, or decord, make of the
file, or the error as text. A file may end or stop this program: whoever asks must see to that.
"""

import json
import os
import sys
from collections.abc import Callable
from typing import Any

Read = Callable[[str], Any]


def _swift() -> dict[str, Read]:
    os.environ["SWIFT_AUDIO_LOAD_BACKEND"] = "soundfile_pyav"
    from swift.template.vision_utils import load_audio, load_image

    def hear(path: str) -> Any:
        heard = load_audio(path, 16_000)
        return [len(heard), float(abs(heard).max())] if len(heard) else [0, 0.0]

    def see(path: str) -> Any:
        image = load_image(path)
        image.load()
        return list(image.size)

    return {"audio": hear, "image": see}


def _decord() -> dict[str, Read]:
    import decord
    import numpy as np

    def watch(path: str) -> Any:
        """As qwen_omni_utils does, which takes two frames a second, four at least, evenly over the clip."""
        video = decord.VideoReader(path)
        total, rate = len(video), video.get_avg_fps()
        taken = min(max(total / rate * 2, 4), 768, total) // 2 * 2
        if taken < 2:
            raise ValueError(f"{total} frames")
        indices = np.linspace(0, total - 1, int(taken)).round().astype(int).tolist()
        frames = video.get_batch(indices).asnumpy()
        return [total, rate, len(frames), frames.shape[2], frames.shape[1]]

    return {"video": watch}


def main(reader: str) -> None:
    """Answer until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    # Libraries write to the standard output as they please.
    os.dup2(2, 1)
    read = {"swift": _swift, "decord": _decord}[reader]()
    for line in sys.stdin:
        modality, path = json.loads(line)
        try:
            answer = read[modality](path)
        except Exception as error:
            answer = f"{type(error).__name__}: {error}"[:300]
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
