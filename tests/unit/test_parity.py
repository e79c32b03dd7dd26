"""The proof of a merge: what counts as the same answer, which rows are asked, and what is told of a difference."""

import json
from pathlib import Path

import numpy as np
import pytest

from omnitune import greedy, parity
from omnitune.errors import PipelineError
from omnitune.records import Message, Record, encode

TOLERANCE = 0.01


def record(name: str, **media) -> Record:
    return Record(name, "s", 1, "t", [Message("user", "?"), Message("assistant", "!")], **media)


def answer(seed: int, steps: int = 3, noise: float = 0.0) -> greedy.Answer:
    logits = np.random.default_rng(seed).normal(size=(steps, 50)).astype(np.float32)
    logits += noise * np.random.default_rng(seed + 1).normal(size=logits.shape).astype(np.float32)
    return logits.argmax(-1), logits


def verdict(one: greedy.Answer, other: greedy.Answer) -> dict:
    (row,) = parity.compare([record("s/1")], [one], [other], TOLERANCE)["rows"]
    return row


def test_the_same_logits_are_alike():
    assert verdict(answer(0), answer(0)) == {
        "id": "s/1", "modality": "text", "tokens": 3, "equal": True, "difference": 0.0, "alike": True,
    }  # fmt: skip


@pytest.mark.parametrize(("noise", "alike"), [(0.001, True), (0.03, False)])
def test_logits_may_differ_by_the_tolerance(noise: float, alike: bool):
    row = verdict(answer(0), answer(0, noise=noise))
    assert (row["equal"], row["alike"]) == (True, alike)
    assert row["difference"] == pytest.approx(noise, rel=0.3)


def parted(gap: float) -> tuple[greedy.Answer, greedy.Answer]:
    """Two answers that part at step 1, where the second word is less likely by `gap`."""
    _, logits = answer(0)
    logits[1, [7, 8]] = 5, 5 - gap
    others = logits.copy()
    others[1, 8] = 5.001
    others[2] = -others[2]  # what comes after is of another question
    return (logits.argmax(-1), logits), (others.argmax(-1), others)


@pytest.mark.parametrize(("gap", "alike"), [(0.01, True), (0.06, False)])
def test_answers_part_only_where_two_words_are_equally_likely(gap: float, alike: bool):
    one, other = parted(gap)
    row = verdict(one, other)
    assert row["equal"] is False
    assert row["difference"] <= TOLERANCE
    assert row["alike"] is alike


def test_an_answer_that_ends_earlier_or_is_not_finite_is_another():
    tokens, logits = answer(0)
    assert verdict((tokens, logits), (tokens[:2], logits[:2]))["alike"] is False
    assert verdict((tokens, logits), (tokens, logits * np.nan))["alike"] is False


def test_answers_are_kept_as_they_are(tmp_path: Path):
    written = [answer(0), answer(1, steps=1)]
    greedy.write(tmp_path / "a.npz", written)
    for (tokens, logits), (same, also) in zip(written, greedy.read(tmp_path / "a.npz"), strict=True):
        assert (tokens == same).all()
        assert (logits == also).all()


def test_rows_of_each_modality_are_asked_from_the_first_file_that_has_any(tmp_path: Path):
    rows = [record(f"s/{n}") for n in range(3)] + [record("s/3", images=["i"]), record("s/4", audios=["a"])]
    (tmp_path / "val.jsonl").touch()
    (tmp_path / "train.jsonl").write_bytes(b"".join(map(encode, rows)))
    files = [tmp_path / f"{name}.jsonl" for name in ("val", "train", "grpo")]
    source, chosen = parity._choose(files, 4)
    assert source == files[1]
    assert [found.id for _, found in chosen] == ["s/0", "s/3", "s/4", "s/1"]
    assert [json.loads(line)["id"] for line, _ in chosen] == [found.id for _, found in chosen]
    with pytest.raises(PipelineError, match=r"none of .* holds a row"):
        parity._choose(files[:1], 4)
