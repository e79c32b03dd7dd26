"""Take secrets out of text before it is kept: by the name before them, by their own form, and by what we know."""

import re
from collections.abc import Mapping
from pathlib import Path

HIDDEN = "[hidden]"
_SHORTEST = 8  # a shorter value could be any word
_SECRET_NAME = re.compile(r"TOKEN|KEY|SECRET|PASSW|CREDENTIAL|AUTH", re.I)

# Forms that providers give to their keys.
_FORM = re.compile(
    r"\bhf_[A-Za-z0-9]{16,}|\bsk-[\w-]{16,}|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{20,}"
    r"|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}|\bxox[abprs]-[\w-]{10,}|\bAIza[\w-]{30,}|\bms-[0-9a-f-]{30,}"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}"
)
_HEADER = re.compile(r"""\b(Bearer|Authorization["']?: *["']?Basic)( +)[\w.~+/=-]{8,}""", re.I)
_IN_URL = re.compile(r"(://[^\s/:@]*:)[^\s/@]+@")
# A token is a secret by what it is for: eos_token, max_new_tokens and token_acc are none.
_NAME = (
    r"(?:(?:hub|hf|auth|access|refresh|session|wandb|swanlab|gitlab|modelscope)[_-]?token|(?-i:[A-Z]_TOKEN)"
    r"|api[_-]?key|access[_-]?key(?:[_-]?id)?|private[_-]?key|secret[\w-]{0,30}|passw(?:or)?d|credentials?)"
)
_VALUE = r"""("[^"]+"|'[^']+'|[^\s,;)}\]"']+)"""
_NAMED = re.compile(rf"""({_NAME}["']?\s*[=:]\s*){_VALUE}""", re.I)
_OPTION = re.compile(rf"""(--[\w-]{{0,30}}?{_NAME}["']?,?\s+){_VALUE}""", re.I)
# Most lines hold none of these: looking for a word is quicker than for a pattern.
_HINTS = ("token", "key", "secret", "passw", "credential", "bearer", "authorization", "://",
          "hf_", "sk-", "akia", "asia", "gh", "glpat", "xox", "aiza", "ms-", "eyj")  # fmt: skip
_NO_SECRET = re.compile(r"""["']?(?:none|null|true|false|\d{1,4}|\[hidden\]?)["']?""", re.I)


class Redactor:
    """Hides secrets in text.

    Args:
        environments: variables whose values are hidden wherever they stand, if their names speak of secrets.
    """

    def __init__(self, *environments: Mapping[str, str]) -> None:
        values = {
            value
            for environment in environments
            for name, value in environment.items()
            if _SECRET_NAME.search(name) and len(value) >= _SHORTEST and not _is_path(value)
        }
        # The longest first: one may begin with another.
        known = "|".join(re.escape(value) for value in sorted(values, key=len, reverse=True))
        self._known = re.compile(known) if known else None

    def hide(self, text: str) -> str:
        """The text without its secrets."""
        if self._known:
            text = self._known.sub(HIDDEN, text)
        folded = text.lower()
        if not any(hint in folded for hint in _HINTS):
            return text
        text = _FORM.sub(HIDDEN, text)
        text = _HEADER.sub(rf"\1\2{HIDDEN}", text)
        text = _IN_URL.sub(rf"\1{HIDDEN}@", text)
        return _OPTION.sub(_hide_named, _NAMED.sub(_hide_named, text))


def _hide_named(found: re.Match[str]) -> str:
    return found[0] if _NO_SECRET.fullmatch(found[2]) else found[1] + HIDDEN


def _is_path(value: str) -> bool:
    try:
        return value.startswith("/") and Path(value).exists()
    except OSError:  # too long for a path
        return False
