"""When the best checkpoint can be told."""

from pathlib import Path
from typing import Any

import pytest

from omnitune.config.load import load
from omnitune.errors import PipelineError


def values(tmp_path: Path, **sft: Any) -> dict[str, Any]:
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / "rows.jsonl").touch()
    (tmp_path / "base").mkdir()
    source = {"format": "messages", "path": str(tmp_path / "rows.jsonl"), "use": ["sft", "eval"]}
    return {
        "model": {"path": str(tmp_path / "base")},
        "media": {"roots": [str(tmp_path)]},
        "sources": {"rows": source},
        "sft": {"publish": "best", **sft},
    }


def test_each_checkpoint_must_be_evaluated(tmp_path: Path):
    load(values(tmp_path, save_steps=200, eval_steps=50))
    with pytest.raises(PipelineError, match=r"sft\.save_steps.* 100 is no multiple of sft\.eval_steps 30\."):
        load(values(tmp_path / "other", save_steps=100, eval_steps=30))


def test_there_must_be_val(tmp_path: Path):
    config = values(tmp_path) | {"split": {"val": 0}}
    with pytest.raises(PipelineError, match=r"sft\.publish: .* there is no val"):
        load(config)
    config["sft"]["publish"] = "last"
    load(config)
