"""Sound made plain: whatever a file holds, as 16 kHz mono WAV of 16 bits, which the model is fed with."""

from collections.abc import Collection
from pathlib import Path

from omnitune.publish import open_atomic

CODES = frozenset({"E083", "E084", "E086", "E096", "E099"})


def mend_audio(path: str, codes: Collection[str], output: Path, seconds: float) -> None:
    """Write the first audio track of `path` to `output`, a WAV that appears when it is whole.

    One recipe mends whatever `codes` name.

    Args:
        path: the original; it is only read.
        codes: of CODES.
        output: where it appears.
        seconds: more sound than this is refused.

    Raises:
        RowError: the file is damaged or holds too much.
    """
    from omnitune.media import wav_writer

    with open_atomic(output) as file:
        wav_writer.write_wav(path, file, seconds=seconds)
