"""Personal data and secrets in a text: what can be told by its form alone.

Names, addresses and free descriptions cannot; this is a sieve, not a proof.
"""

import re

# One form a line: what it is, and a pattern that little else fits.
_FORMS = {
    "an e-mail address": r"(?<![\w.+-])[\w.+-]{1,64}@(?:[a-zA-Z0-9-]{1,63}\.)+[a-zA-Z]{2,24}\b",
    "a telephone number": r"(?<![\w.])\+[1-9]\d{0,2}[ ./-]?(?:\(\d{1,5}\)[ ./-]?)?"
    r"\d{2,5}(?:[ ./-]?\d{2,5}){1,4}(?!\w)",
    "a private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY",
    "a key of AWS": r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    "a token of GitHub": r"(?<![\w-])(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{60,})",
    "a token of GitLab": r"(?<![\w-])glpat-[\w-]{20}",
    "a token of Hugging Face": r"(?<![\w-])hf_[A-Za-z]{30,}",
    "a token of Slack": r"(?<![\w-])xox[abeoprs]-[\w-]{10,}",
    "a key of Google": r"(?<![\w-])AIza[\w-]{35}",
    "a key of OpenAI or Anthropic": r"(?<![\w-])sk-(?:[A-Za-z]+-)*[\w-]{20,}",
    "a key of Stripe": r"(?<![\w-])[rs]k_live_\w{16,}",
    "a JSON web token": r"(?<![\w-])eyJ[\w-]{10,1000}\.eyJ[\w-]{10,4000}\.[\w-]{10,}",
    "a password": r"(?i:\b(?:password|passwd|pwd|api[_-]?key|secret[_-]?key))[\"']?\s*[:=]\s*[\"']?[^\s\"']{6,}",
    "a bank account (IBAN)": r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b",
    "a card number": r"(?<![\w.])[3-6]\d{3}(?:[ -]?\d{4}){2}[ -]?\d{3,4}(?![\w.])",
}
_kinds = list(_FORMS)
_any = re.compile("|".join(f"({pattern})" for pattern in _FORMS.values()))
# Without one of these there is nothing to look for, and most texts have none.
_hint = re.compile(r"[@+=]|\d{4}|-----|_\w{16}|sk-|xox|eyJ|AKIA|ASIA|AIza|glpat|(?i:passw|pwd|key)")


def personal(text: str) -> str:
    """What the text seems to hold, in words, without repeating it; empty for nothing."""
    if not _hint.search(text):
        return ""
    for found in _any.finditer(text):
        kind = _kinds[(found.lastindex or 1) - 1]
        digits = re.sub(r"\D", "", found[0])
        if kind == "a card number" and not _luhn(digits):
            continue
        if kind.startswith("a bank") and not _iban(found[0].replace(" ", "")):
            continue
        return kind
    return ""


def _luhn(digits: str) -> bool:
    """Whether the last digit of a card number fits the others (ISO/IEC 7812-1)."""
    doubled = (sum(divmod(int(digit) * 2, 10)) for digit in digits[-2::-2])
    return (sum(doubled) + sum(map(int, digits[::-2]))) % 10 == 0


def _iban(text: str) -> bool:
    """Whether the check digits of an IBAN fit (ISO 13616: remainder 1 of 97)."""
    return int("".join(str(int(char, 36)) for char in text[4:] + text[:4])) % 97 == 1
