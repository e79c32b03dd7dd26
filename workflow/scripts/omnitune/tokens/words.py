"""How many tokens texts have, word by word: only the number is wanted, and most words come again.

A byte-level BPE never joins what its pattern has parted, so a text has as many tokens as its words have. Python
finds the words of texts in usual characters; all other texts are the tokenizer's.
"""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# Of Latin-1, Chinese and Japanese, the letters, numbers, blanks and other characters that NFC leaves as they are.
# Python's own classes would not do: they are parted otherwise, and follow another version of Unicode.
_L = "A-Za-z\u00aa\u00b5\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u00ff\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff"
_N = "0-9\u00b2\u00b3\u00b9\u00bc-\u00be"
_S = "\t-\r \u0085\u00a0\u3000"
_OTHER = "\\x00-\u00ff\u2010-\u2027\u20ac\u3001-\u3004\u3008-\u3020\uff01-\uff0f\uff1a-\uff20"
_usual = re.compile(f"[{_L}{_N}{_S}{_OTHER}]*+")
# tokens/text.py, _WORDS.
_find = re.compile(
    rf"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n{_L}{_N}]?[{_L}]+|[{_N}]| ?[^{_S}{_L}{_N}]+[\r\n]*"
    rf"|[{_S}]*[\r\n]+|[{_S}]+(?![^{_S}])|[{_S}]+"
).findall
# Words remembered, and the length of the longest: about 30 MB at most.
_WORDS, _LONGEST = 200_000, 64


class WordCounter:
    """Counts the tokens of texts, equal to the tokenizer's own count."""

    def __init__(self, tokenizer: "Tokenizer") -> None:
        added = tokenizer.get_added_tokens_decoder().values()
        # Tokens that take blanks along or look at their neighbours are rare, and the tokenizer's.
        self._plain = not any(one.lstrip or one.rstrip or one.single_word or one.normalized for one in added)
        # Of those that begin at one place the longest counts.
        names = sorted((one.content for one in added), key=len, reverse=True)
        self._added = re.compile("|".join(map(re.escape, names)) or "(?!)")
        self._tokenizer, self._words = tokenizer, _Words(tokenizer)

    def lengths(self, texts: list[str]) -> dict[str, int]:
        """The number of tokens of each text."""
        usual = {text for text in texts if self._plain and _usual.fullmatch(text)}
        found = {text: self._count(text) for text in usual}
        rest = [text for text in texts if text not in usual]
        encoded = self._tokenizer.encode_batch_fast(rest, add_special_tokens=False)
        return found | {text: len(tokens) for text, tokens in zip(rest, encoded, strict=True)}

    def _count(self, text: str) -> int:
        parts = self._added.split(text)
        return len(parts) - 1 + sum([sum(map(self._words.__getitem__, _find(part))) for part in parts])


class _Words(dict[str, int]):
    """The number of tokens of words, which are counted when they are asked for."""

    def __init__(self, tokenizer: "Tokenizer") -> None:
        super().__init__()
        self._tokenizer = tokenizer

    def __missing__(self, word: str) -> int:
        count = len(self._tokenizer.encode(word, add_special_tokens=False).ids)
        if len(word) <= _LONGEST:
            if len(self) >= _WORDS:
                self.clear()
            self[word] = count
        return count
