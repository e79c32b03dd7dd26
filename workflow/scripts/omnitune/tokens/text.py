"""Tokens of a row's text: the template's turns around it, cut as ms-swift cuts them, counted by the tokenizer."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from omnitune.records import Message, Record
from omnitune.tokens.unknown import Unknown
from omnitune.tokens.words import WordCounter
from omnitune.validation.text import placeholder

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# transformers' Qwen2Tokenizer rebuilds its backend from the vocabulary and this pattern, whatever tokenizer.json
# says of it (models/qwen2/tokenization_qwen2.py).
_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)

# swift/template/templates/utils.py, ChatmlTemplateMeta; `qwen3_omni` is one, without a default system turn.
_SYSTEM = "<|im_start|>system\n{}<|im_end|>\n"
_TURN = "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"
_END = "<|im_end|>\n"
# An answer that ends so gets no end of its own (TemplateMeta.stop_words).
_STOPS = ("<|endoftext|>", "<|im_end|>")
# Qwen2_5OmniTemplate.replace_tag: what stands for a medium; the pad in it is later repeated.
_MARKERS = {
    "<image>": "<|vision_start|><|image_pad|><|vision_end|>",
    "<audio>": "<|audio_start|><|audio_pad|><|audio_end|>",
    "<video>": "<|vision_start|><|video_pad|><|vision_end|>",
}
_VIDEO_WITH_SOUND = "<|vision_start|><|audio_start|><|video_pad|><|audio_end|><|vision_end|>"


class TextTokens(NamedTuple):
    """Tokens of the text, with one for each medium: `answer` counts those that are trained on."""

    prompt: int
    answer: int


class Piece(NamedTuple):
    """Text that is tokenized by itself, and whether it is trained on."""

    text: str
    trained: bool


class TextCounter:
    """Counts the text of rows in batches.

    Args:
        model: folder of the base, with its vocabulary.
        audio_in_video: whether clips are marked as having sound.
    """

    def __init__(self, model: Path, *, audio_in_video: bool) -> None:
        self._words = WordCounter(load_tokenizer(model))
        self._markers = _MARKERS | ({"<video>": _VIDEO_WITH_SOUND} if audio_in_video else {})
        (self._end,) = self._words.lengths([_END]).values()

    def count(self, records: Sequence[Record]) -> list[TextTokens | Unknown]:
        """Tokens of each record, in order. The records have passed `validation.checks`: what those refuse (control
        tokens, markers in answers, turns out of order) is not counted right.
        """
        rows = [self._pieces(record.messages) for record in records]
        texts = {piece.text for row in rows if not isinstance(row, Unknown) for piece in row}
        lengths = self._words.lengths(list(texts))
        return [row if isinstance(row, Unknown) else self._sum(row, lengths) for row in rows]

    def _sum(self, row: list[Piece], lengths: dict[str, int]) -> TextTokens:
        prompt = answer = 0
        for number, piece in enumerate(row):
            length = lengths[piece.text]
            if piece.trained:
                answer += length
                continue
            # The end of an answer between others is trained on as well (Template._add_dynamic_eos).
            end = self._end if number and row[number - 1].trained else 0
            answer += end
            prompt += length - end
        return TextTokens(prompt, answer)

    def _pieces(self, messages: Sequence[Message]) -> list[Piece] | Unknown:
        try:
            return [piece for piece in pieces(messages, self._markers) if piece.text]
        except Unknown as reason:
            return reason


def pieces(messages: Sequence[Message], markers: dict[str, str] = _MARKERS) -> Iterator[Piece]:
    """The row's text as ms-swift's template joins it: a piece up to each answer, and the answer.

    swift/template/base.py, Template._swift_encode and _simplify_context_list: neighbours that are trained on alike
    are joined before they are tokenized, so the end of the last answer is tokenized with it.

    Raises:
        Unknown: for the turns of a tool after an answer in ReAct's form, and for text with a placeholder of
            ms-swift's, which it fills in.
    """
    prompt = ""
    last = len(messages) - 1
    for number, message in enumerate(messages):
        if message.role == "system":
            # An empty system turn is left out.
            prompt += _SYSTEM.format(message.content) if message.content else ""
        elif message.role == "assistant":
            yield Piece(prompt, False)
            stops = number != last or message.content.endswith(_STOPS)
            yield Piece(message.content if stops else message.content + _END, True)
            prompt = "" if number == last else _END
        else:
            if found := placeholder(message.role, message.content):
                raise Unknown(f"ms-swift fills in the {found} in turn {number + 1}")
            if message.role == "user":
                content = message.content
                for marker, text in markers.items():
                    content = content.replace(marker, text)
                prompt += _TURN.format(content)
            elif messages[number - 1].role != "tool":
                prompt += _TURN.format(_tool_results(messages, number))
    yield Piece(prompt, False)


def _tool_results(messages: Sequence[Message], first: int) -> str:
    """The results from `first` on (swift/agent_template/hermes.py, HermesAgentTemplate._format_tool_responses)."""
    asked = messages[first - 1].content
    if "Action:" in asked and "Action Input:" in asked:
        raise Unknown("a tool answers a turn in ReAct's form")
    results = []
    for message in messages[first:]:
        if message.role != "tool":
            break
        results.append(f"<tool_response>\n{message.content}\n</tool_response>")
    return "\n".join(results)


def load_tokenizer(model: Path) -> "Tokenizer":
    """The base's tokenizer, as transformers builds it from tokenizer.json or from vocab.json and merges.txt."""
    from tokenizers import AddedToken, Regex, Tokenizer
    from tokenizers.models import BPE
    from tokenizers.normalizers import NFC
    from tokenizers.pre_tokenizers import ByteLevel, Split
    from tokenizers.pre_tokenizers import Sequence as Steps

    config = json.loads((model / "tokenizer_config.json").read_bytes())
    added = list(config.get("added_tokens_decoder", {}).values())
    if (model / "tokenizer.json").is_file():
        stored = json.loads((model / "tokenizer.json").read_bytes())
        vocabulary = stored["model"]["vocab"]
        merges = [
            tuple(merge.split(" ") if isinstance(merge, str) else merge) for merge in stored["model"]["merges"]
        ]
        added = added or stored["added_tokens"]
    else:
        vocabulary, merges = BPE.read_file(str(model / "vocab.json"), str(model / "merges.txt"))
    tokenizer = Tokenizer(BPE(vocab=vocabulary, merges=merges))
    tokenizer.normalizer = NFC()
    split = Split(Regex(_WORDS), behavior="isolated")
    tokenizer.pre_tokenizer = Steps([split, ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.add_tokens([AddedToken(**{key: token[key] for key in _ADDED if key in token}) for token in added])
    return tokenizer


_ADDED = ("content", "single_word", "lstrip", "rstrip", "normalized", "special")
