"""Rows without padding only where a flash attention loads: asked by importing one that a test puts there."""

import importlib
from pathlib import Path

import pytest

from omnitune import attention
from omnitune.config.sft import SftConfig
from omnitune.errors import PipelineError

WORKS = "def flash_attn_varlen_func(): ..."
BROKEN = "raise ImportError('flash_attn_2_cuda.so: undefined symbol')"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Put a distribution with a module into this environment."""

    def put(distribution: str, module: str, text: str) -> None:
        monkeypatch.syspath_prepend(tmp_path)
        (tmp_path / f"{module}.py").write_text(text)
        info = tmp_path / f"{distribution.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (info / "top_level.txt").write_text(f"{module}\n")
        (info / "RECORD").write_text(f"{module}.py,,\n")
        importlib.invalidate_caches()

    return put


def test_without_one_rows_are_padded():
    assert attention.choose(SftConfig(padding_free="auto")) is None
    assert attention.choose(SftConfig(padding_free=False)) is None


@pytest.mark.parametrize("key", ["packing", "padding_free"])
def test_without_one_what_is_asked_for_is_refused(key: str):
    with pytest.raises(PipelineError) as refused:
        attention.choose(SftConfig(**{key: True}))
    assert refused.value.where == f"sft.{key}"
    assert "flash_attention_2: not installed" in refused.value.what


def test_one_that_loads_is_taken(install):
    install("flash-attn", "flash_attn", WORKS)
    assert attention.choose(SftConfig(padding_free="auto")) == "flash_attention_2"
    assert attention.choose(SftConfig(packing=True, swift={"attn_impl": "flash_attn"})) == "flash_attention_2"
    assert attention.choose(SftConfig(padding_free="auto", swift={"attn_impl": "sdpa"})) is None
    assert attention.choose(SftConfig(padding_free=False)) is None
    with pytest.raises(PipelineError, match="flash_attention_3: not installed"):
        attention.choose(SftConfig(packing=True, swift={"attn_impl": "flash_attention_3"}))


def test_one_that_is_installed_and_does_not_load_is_none(install):
    install("flash-attn-3", "flash_attn_interface", BROKEN)
    assert attention.choose(SftConfig(padding_free="auto")) is None
    with pytest.raises(PipelineError, match=r"flash_attention_3: ImportError: flash_attn_2_cuda\.so: undefined"):
        attention.choose(SftConfig(packing=True))
