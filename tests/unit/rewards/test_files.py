"""Which files the rewards of a training are made of."""

from pathlib import Path

import pytest

from omnitune.config.grpo import GrpoConfig
from omnitune.rewards.files import beside, files_of


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    files = {
        "mine/rewards.py": "import json, near\nfrom pack.sub import x\nimport numpy\ndef f():\n    import later\n",
        "mine/near.py": "import far\nimport near\nimport rewards\n",
        "mine/far.py": "this is not Python",
        "mine/later.py": "",
        "mine/alone.py": "",
        "mine/pack/__init__.py": "from . import sub\n",
        "mine/pack/sub.py": "import inner\n",
        "mine/inner.py": "",
        "inner.py": "",
    }
    for name, text in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)


def test_what_a_file_imports_from_beside_it_is_found() -> None:
    names = ["far.py", "inner.py", "later.py", "near.py", "pack/__init__.py", "pack/sub.py"]
    assert beside(Path("mine/rewards.py")) == [Path("mine") / name for name in names]
    assert beside(Path("mine/alone.py")) == beside(Path("mine/none.py")) == []


def test_files_that_options_name_count_but_a_key() -> None:
    rewards = {
        "json_schema": {"file": "schema.json"},
        "mine": {"table_file": "table.csv", "file_name": "no", "file": "schema.json", "other_file": None},
        "llm_judge": {"key_file": "key"},
    }
    settings = GrpoConfig.model_validate({"reward_file": "mine/alone.py", "rewards": rewards})
    assert files_of(settings) == ["mine/alone.py", "schema.json", "table.csv"]
    assert files_of(GrpoConfig()) == []
