"""Sound made plain: whatever a file holds, as 16 kHz mono WAV of 16 bits, which the model is fed with."""

from pathlib import Path

from omnitune.publish import open_atomic

CODES = frozenset({"E083", "E084", "E086", "E096", "E099", "E240"})


def mend_audio(path: str, output: Path, seconds: float, code: str = "E080") -> None:
    """Write the first audio track of `path` to `output`, a WAV that appears when it is whole.

    One recipe mends whatever of CODES a file has.

    Args:
        path: the original, sound or a video; it is only read.
        output: where it appears.
        seconds: more sound than this is refused.
        code: of the refusal when there is no sound that can be decoded.

    Raises:
        RowError: the file is damaged or holds too much.
    """
    from omnitune.media import wav_writer

    with open_atomic(output) as file:
        wav_writer.write_wav(path, file, code, seconds)
