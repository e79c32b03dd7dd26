"""Counts of words against the tokenizer's own count of whole texts."""

import random
import string
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer

from omnitune.demo.tokenizer import write_tokenizer
from omnitune.environments import ROOT
from omnitune.tokens import words
from omnitune.tokens.text import load_tokenizer
from omnitune.tokens.words import WordCounter

USUAL = [chr(number) for number in range(0xD800) if words._usual.fullmatch(chr(number))]
USUAL += [chr(number) for number in range(0xE000, 0x10000) if words._usual.fullmatch(chr(number))]
BLANKS = "\r\n\t \u3000\u0085\u00a0\x0b\x0c\x1c\x1fa1'S;"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    folder = tmp_path_factory.mktemp("tokenizer")
    write_tokenizer(folder)
    return load_tokenizer(folder)


@pytest.fixture(scope="module", params=["tiny", "large"])
def tokenizer(tiny: Tokenizer, request: pytest.FixtureRequest) -> Tokenizer:
    """The demo's, and one with long words that has the same pattern and added tokens."""
    if request.param == "tiny":
        return tiny
    large = Tokenizer.from_str(tiny.to_str())
    trainer = BpeTrainer(vocab_size=12_000, initial_alphabet=ByteLevel.alphabet(), show_progress=False)
    texts = [path.read_text("utf-8") for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]]
    rng = random.Random(1)
    texts += ["".join(rng.choices(USUAL[-300:], k=4)) * 3 for _ in range(300)]
    large.train_from_iterator(texts, trainer)
    assert large.get_vocab_size() > 5_000
    return large


def hold(tokenizer: Tokenizer, texts: list[str]) -> None:
    texts = [text for text in dict.fromkeys(texts) if text]
    encoded = tokenizer.encode_batch_fast(texts, add_special_tokens=False)
    expected = {text: len(tokens) for text, tokens in zip(texts, encoded, strict=True)}
    found = WordCounter(tokenizer).lengths(texts)
    assert {text: count for text, count in found.items() if count != expected[text]} == {}
    assert found.keys() == expected.keys()


def test_every_usual_character_in_every_place(tokenizer: Tokenizer):
    assert len(USUAL) > 21_000
    hold(tokenizer, [f"a{char} {char}1{char}\n{char}{char}'{char} ' {char}{char.upper()}" for char in USUAL])


def test_any_mixture_of_usual_characters_and_added_tokens(tokenizer: Tokenizer):
    rng = random.Random(1)
    added = [one.content for one in tokenizer.get_added_tokens_decoder().values()]
    alphabets = [
        USUAL,
        USUAL[:128],
        USUAL[:256],
        [*BLANKS],
        [*"<|>im_sta/ok", *added],
        [*string.printable, *added],
    ]
    hold(tokenizer, ["".join(rng.choices(rng.choice(alphabets), k=rng.randint(1, 30))) for _ in range(20_000)])


@settings(max_examples=300, deadline=None)
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1))
def test_any_text_at_all(tiny: Tokenizer, texts: list[str]):
    hold(tiny, texts)


@pytest.mark.parametrize("kind", ["lstrip", "rstrip", "single_word", "normalized"])
def test_tokens_that_look_at_their_neighbours_are_left_to_the_tokenizer(tiny: Tokenizer, kind: str):
    odd = Tokenizer.from_str(tiny.to_str())
    odd.add_tokens([AddedToken("<odd>", **{"normalized": False, kind: True})])
    hold(odd, ["a <odd> b", "a<odd>b", "<odd>", " <odd>\n<odd> <|im_end|>"])


def test_a_longer_token_wins_where_two_begin(tiny: Tokenizer):
    odd = Tokenizer.from_str(tiny.to_str())
    odd.add_tokens([AddedToken(text, normalized=False) for text in ("<a", "<a><b", "<a><b>", "b><c")])
    hold(odd, ["<a", "x<a><b", "<a><b>", "<a><b><c", "<a<a><b>", "<ab><c"])


def test_what_is_remembered_is_bounded(tiny: Tokenizer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(words, "_WORDS", 10)
    counter = WordCounter(tiny)
    texts = [f"w{chr(97 + number % 26) * (number % 20 + 1)} {'x' * 100}" for number in range(200)]
    counter.lengths(texts)
    assert len(counter._words) <= 10
    hold(tiny, texts)


@pytest.mark.alone
def test_ordinary_text_is_counted_several_times_faster(tokenizer: Tokenizer):
    text = Path(ROOT / "docs/stages.md").read_text("utf-8")
    texts = [f"<|im_start|>user\n{line}<|im_end|>\n" for line in text.splitlines() if len(line) > 40] * 5
    texts = [f"{text}{number}" for number, text in enumerate(texts)]
    counter = WordCounter(tokenizer)
    counter.lengths(texts)
    ours, theirs = [], []
    for _ in range(5):
        for times, count in (
            (ours, counter.lengths),
            (theirs, lambda some: tokenizer.encode_batch_fast(some, add_special_tokens=False)),
        ):
            start = time.process_time()
            count(texts)
            times.append(time.process_time() - start)
    assert min(theirs) > 2 * min(ours)
