"""Word and character error rate, by jiwer, over the whole corpus.

WER = (S + D + I) / N over all rows together, N the words of the references (Morris, Maier & Green 2004,
the definition of jiwer and of NIST sclite); CER is the same over characters, blanks included. Long rows
weigh more than short ones: it is not the mean of the rows' rates.

Text is composed (NFC) and runs of blanks become one; case and punctuation count. A row with an empty
reference adds nothing to N and every word of its prediction to I, so talking over silence is punished.
When all references are empty, the rate has no value.
"""

import unicodedata
from collections.abc import Sequence
from typing import Any

from omnitune.scoring.counts import Counts


def normalise(text: str) -> str:
    """NFC, and every run of blanks (line breaks too) one space."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def wer(predictions: Sequence[str], references: Sequence[str]) -> Counts:
    """Word edits of each row, and the words of its reference."""
    import jiwer

    output = jiwer.process_words([normalise(t) for t in references], [normalise(t) for t in predictions])
    return _counts(output)


def cer(predictions: Sequence[str], references: Sequence[str]) -> Counts:
    """Character edits of each row, and the characters of its reference."""
    import jiwer

    output = jiwer.process_characters([normalise(t) for t in references], [normalise(t) for t in predictions])
    return _counts(output)


def _counts(output: Any) -> Counts:
    """Edits and reference length per row, from jiwer's alignments."""
    edits = [sum(_length(chunk) for chunk in chunks if chunk.type != "equal") for chunks in output.alignments]
    return Counts(edits, [len(reference) for reference in output.references])


def _length(chunk: Any) -> int:
    # A substitution spans both sides, a deletion the reference only, an insertion the prediction only.
    return max(chunk.ref_end_idx - chunk.ref_start_idx, chunk.hyp_end_idx - chunk.hyp_start_idx)
