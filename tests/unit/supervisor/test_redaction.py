"""Secrets are hidden by their names, their forms, and what the environment holds; all else is left as it is."""

import pytest

from omnitune.supervisor.redaction import HIDDEN, Redactor

KEY = "Zq8" + "x7Kp2Lm9" * 3  # of no known form
SECRETS = {
    f"hub_token='{KEY}'": "hub_token=",
    f"hub_token={KEY}, use_hf=True": "hub_token=",
    f'{{"api_key": "{KEY}", "port": 8000}}': '{"api_key": ',
    f"OPENAI_API_KEY={KEY}": "OPENAI_API_KEY=",
    f"AWS_SECRET_ACCESS_KEY: {KEY}": "AWS_SECRET_ACCESS_KEY: ",
    f"swanlab_token: {KEY}": "swanlab_token: ",
    f"SLACK_TOKEN={KEY}": "SLACK_TOKEN=",
    f"password = '{KEY}'": "password = ",
    f"--api_key {KEY} --port 8000": "--api_key ",
    f"['--api_key', '{KEY}', '--port']": "['--api_key', ",
    f"Authorization: Bearer {KEY}": "Authorization: Bearer ",
    f"'authorization': 'Basic {KEY}'": "'authorization': 'Basic ",
    f"https://user:{KEY}@example.org/model": "https://user:",
    "found hf_AbCdEfGhIjKlMnOpQrStUvWxYz012345 in the cache": "found ",
    "key sk-proj-abcDEF0123456789abcDEF was refused": "key ",
    "AKIAIOSFODNN7EXAMPLE is not allowed": "",
    "ghp_abcdefghijklmnopqrstuvwxyz0123456789": "",
    "ms-0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f": "",
    "jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmN": "jwt ",
}


@pytest.mark.parametrize("text", SECRETS)
def test_a_secret_is_hidden_and_its_name_is_kept(text: str):
    hidden = Redactor().hide(text)
    assert hidden.startswith(SECRETS[text] + HIDDEN)
    assert KEY not in hidden
    for part in ("hf_Ab", "sk-proj", "AKIA", "ghp_", "ms-0a", "eyJ"):
        assert part not in hidden
    assert Redactor().hide(hidden) == hidden, "hiding twice changes nothing"


# What ms-swift writes about tokens that are no secrets.
PLAIN = [
    "{'loss': 0.9532, 'token_acc': 0.8123, 'global_step/max_steps': '40/180', 'train_speed(s/it)': 4.1}",
    "max_new_tokens: 2048, num_input_tokens_seen: 12345678, max_completion_length=512",
    "eos_token='<|im_end|>', pad_token: <|endoftext|>, eos_token_id=151645, image_token: <|IMAGE|>",
    "hub_token=None, hub_token: null, api_key=None, 'api_key': None, private_key=False",
    "[INFO:swift] Loading the tokenizer; token type ids: 0",
    "https://example.org:8000/v1/models and data/a@b.jsonl",
    "task-level-evaluation-of-everything is done, the sk-learn package is not",
    "key: value, keys: 12, monkey=1, --key_value_heads 4, num_key_value_heads: 2",
    "The secretary has a basic understanding of bearer bonds",
    "tokens: 4096 secrets",
]


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_no_secret_is_left(text: str):
    assert Redactor().hide(text) == text


def test_values_of_secret_variables_are_hidden_wherever_they_stand():
    environment = {
        "WANDB_API_KEY": "0123456789abcdef",
        "MY_TOKEN": "0123456789abcdef-longer",
        "SHORT_KEY": "word",  # it could stand anywhere
        "HOME": "/home/somebody",
        "SSH_AUTH_SOCK": "/proc/self/stat",  # a path that exists
        "SLASHED_SECRET": "/s3cr3t/that/is/no/path",
    }
    redactor = Redactor(environment, {"OTHER_PASSWORD": "(regex.*"})
    text = "x0123456789abcdef-longerx 0123456789abcdef word /home/somebody /proc/self/stat (regex.* "
    text += "/s3cr3t/that/is/no/path"
    assert redactor.hide(text) == f"x{HIDDEN}x {HIDDEN} word /home/somebody /proc/self/stat {HIDDEN} {HIDDEN}"


def test_long_lines_take_no_time():
    for text in ("a-" * 100_000, "token" * 50_000, "--" + "x" * 200_000, "secret" * 40_000, "'" * 100_000):
        assert Redactor().hide(text) == text
