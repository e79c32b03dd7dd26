"""Personal data and secrets, by their form."""

import pytest

from omnitune.validation.privacy import personal


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Write to ada.l+x@mail.example.org, please.", "an e-mail address"),
        ("Call +49 (0)30 1234567 today", "a telephone number"),
        ("or +1-202-555-0143.", "a telephone number"),
        ("-----BEGIN RSA PRIVATE KEY-----", "a private key"),
        ("AKIA" + "ABCDEFGHIJKLMNOP", "a key of AWS"),
        ("ghp_" + "a1" * 18, "a token of GitHub"),
        ("glpat-" + "a" * 20, "a token of GitLab"),
        ("hf_" + "aB" * 17, "a token of Hugging Face"),
        ("xoxb-" + "1" * 12, "a token of Slack"),
        ("AIza" + "x" * 35, "a key of Google"),
        ("sk-proj-" + "x1" * 20, "a key of OpenAI or Anthropic"),
        ("sk_live_" + "x1" * 10, "a key of Stripe"),
        ("eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.abcdefghijk", "a JSON web token"),
        ("password: hunter22", "a password"),
        ("API_KEY='abcdefgh'", "a password"),
        ("DE89 3704 0044 0532 0130 00", "a bank account (IBAN)"),
        ("4111 1111 1111 1111", "a card number"),
    ],
)
def test_what_looks_private_is_named_and_not_repeated(text, kind):
    assert personal(f"So: {text}") == kind


@pytest.mark.parametrize(
    "text",
    [
        "What is 3 + 4? 7.",
        "1234 5678 9012 3456",
        "4111 1111 1111 1112",
        "DE00 3704 0044 0532 0130 00",
        "@ada said a@b",
        "the key is C major; a password should be long",
        "In 1999 there were 123456789 of them, +5 %",
        "x = sk-learn; skip_connection_of_the_model",
        "2026-11-24T12:00:00+01:00",
    ],
)
def test_what_only_looks_like_it_is_left_alone(text):
    assert personal(text) == ""
