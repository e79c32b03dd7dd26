"""What is done about each code."""

import pytest

from omnitune.validation.codes import CODES
from omnitune.validation.policy import Policy, policy_mistakes


def test_a_code_is_answered_by_its_default_unless_chosen():
    policy = Policy({"E051": "reject"})
    assert policy.action("E051") == "reject"
    assert all(policy.action(code) == kind.actions[0] for code, kind in CODES.items() if code != "E051")


@pytest.mark.parametrize(
    ("code", "action", "sentence"),
    [
        ("E0511", "reject", "is no code. Did you mean E051?"),
        ("broken", "reject", "is no code. docs/codes.md lists them all."),
        ("E001", "warn", "(broken JSON) cannot be answered with warn. Choose one of reject, fail."),
    ],
)
def test_what_cannot_be_followed_is_a_mistake(code, action, sentence):
    assert list(policy_mistakes({code: action})) == [(code, sentence)]


def test_every_action_of_a_code_can_be_chosen():
    for code, kind in CODES.items():
        assert all(not list(policy_mistakes({code: action})) for action in kind.actions)
