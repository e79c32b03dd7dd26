"""What the documents name exists: commands, scripts, config keys, links, headings."""

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

from omnitune.config.run import Config
from omnitune.environments import ROOT

DOCUMENTS = [
    ROOT / name
    for name in (
        *("README.md", "README.zh-CN.md", "CONTRIBUTING.md", "CHANGELOG.md"),
        *("docs/tutorial.md", "docs/data-formats.md", "docs/data-gate.md", "docs/stages.md"),
        *("docs/benchmarks.md", "docs/design.md", "docs/rewards.md", "docs/cluster.md", "docs/deploy.md"),
        *("docs/troubleshooting.md", "docs/troubleshooting.zh-CN.md"),
    )
]
TROUBLE = ("docs/troubleshooting.md", "docs/troubleshooting.zh-CN.md")
STAGES = [path.stem for path in sorted((ROOT / "rules").glob("*.smk")) if path.stem != "common"]
# Words in backticks of the form a.b whose first part is a section, and yet no keys.
NO_KEYS = re.compile(r".*\.(py|smk|json|jsonl|yaml|md|html|log|txt)$")

# Files that a reader makes in the course of the tutorial.
READERS = {"config/clips.yaml", "config/my_run.yaml", "make_rows.py"}

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


@cache
def text(document: Path) -> str:
    return document.read_text(encoding="utf-8")


@each_document
def test_make_targets_exist(document: Path) -> None:
    rules = set(re.findall(r"^([a-z-]+):", text(ROOT / "Makefile"), re.M))
    # In code only: in prose the verb is English.
    code = re.findall(r"`(?:[^`\n]*\s)?make ([a-z][a-z-]*)", text(document))
    code += re.findall(r"^\s*make ([a-z][a-z-]*)", "\n".join(_blocks(document)), re.M)
    assert set(code) <= rules


@each_document
def test_files_exist(document: Path) -> None:
    folders = "workflow|tests|rules|config|envs|docs|omnitune|scoring|validation"
    named = set(re.findall(rf"(?<![\w/])(?:{folders})/[\w/.-]*\.(?:py|smk|yaml|in|md|txt)\b", text(document)))
    # NAME and SECTION stand for what a reader adds.
    real = {path for path in named if not re.search(r"[A-Z]{4,}(?!\.md)", path)}
    roots = (ROOT, ROOT / "workflow/scripts", ROOT / "workflow/scripts/omnitune")
    assert [path for path in sorted(real - READERS) if not any((root / path).is_file() for root in roots)] == []


@each_document
def test_config_keys_exist(document: Path) -> None:
    named = re.findall(r"`([a-z_]+(?:\.[a-z_0-9]+)+)(?:: [^`]*)?`", text(document))
    sections = {field.alias or name for name, field in Config.model_fields.items()}
    keys = {key for key in named if key.split(".")[0] in sections and not NO_KEYS.match(key)}
    assert [key for key in sorted(keys) if not is_key(Config, key.split("."))] == []


@each_document
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", text(document)):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        path = (document.parent / name).resolve() if name else document
        assert path.exists(), target
        if anchor:
            assert anchor in anchors(path), target


@each_document
def test_a_document_speaks_of_the_project_alone(document: Path) -> None:
    assert re.findall(r"/(?:work|root)\b|\.\./shared", text(document)) == []


def test_every_stage_has_its_heading() -> None:
    headings = re.findall(r"^## (\w+)$", text(ROOT / "docs/stages.md"), re.M)
    assert sorted(headings) == sorted(STAGES)


# What the scripts set besides flags.
VARIABLES = {
    "CUDA_VISIBLE_DEVICES", "NPROC_PER_NODE", "PYTORCH_CUDA_ALLOC_CONF", "MAX_PIXELS", "VIDEO_MAX_PIXELS",
    "FPS_MAX_FRAMES", "ENABLE_AUDIO_OUTPUT",
}  # fmt: skip


def test_every_line_of_the_scripts_stands_in_the_table_of_keys() -> None:
    table = text(ROOT / "README.zh-CN.md").partition("\n## 脚本里的一行")[2].partition("\n## ")[0]
    left = " ".join(re.findall(r"^\| (.*?) \|", table, re.M))
    recipes = sorted((ROOT / "tests/data/golden").glob("*.seed.args.json"))
    assert len(recipes) == 4
    flags = {flag for recipe in recipes for flag in json.loads(recipe.read_bytes())} - {"ENV"}
    assert flags - set(re.findall(r"--(\w+)", left)) == set()
    assert VARIABLES - set(re.findall(r"\b[A-Z_]{5,}\b", left)) == set()


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md", *TROUBLE])
def test_the_scripts_reward_is_told_by_its_name_here(name: str) -> None:
    lines = [line for line in text(ROOT / name).splitlines() if "`external_r1v_acc`" in line]
    assert any("`accuracy`" in line for line in lines)


def test_troubleshooting_answers_the_same_in_both_languages() -> None:
    english, chinese = (text(ROOT / name) for name in TROUBLE)
    keys = [set(re.findall(r"`([a-z_]+\.[a-z_]+)", language)) for language in (english, chinese)]
    assert keys[0] == keys[1]
    assert len(re.findall(r"^## ", english, re.M)) == len(re.findall(r"^## ", chinese, re.M))
    for word in ("load_from_cache_file", "Megatron"):
        assert word in english
        assert word in chinese


def test_generated_reference_is_current() -> None:
    command = [sys.executable, ROOT / "workflow/scripts/describe_config.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _blocks(document: Path) -> list[str]:
    return re.findall(r"^ *```bash\n(.*?)^ *```", text(document), re.M | re.S)


def anchors(path: Path) -> set[str]:
    """The anchors that a forge makes of a document's headings."""
    without_blocks = re.sub(r"^```.*?^```", "", text(path), flags=re.M | re.S)
    headings = re.findall(r"^#+ (.+)$", without_blocks, re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def is_key(model: Any, parts: list[str]) -> bool:
    """Whether the path leads to a field; below a map any name does."""
    for number, part in enumerate(parts):
        models = [kind for kind in kinds(model) if isinstance(kind, type) and issubclass(kind, BaseModel)]
        if not models:
            return number > 0 and any(get_origin(kind) is dict for kind in kinds(model))
        fields = {field.alias or name: field.annotation for name, field in models[0].model_fields.items()}
        if part not in fields:
            return False
        model = fields[part]
    return True


def kinds(annotation: Any) -> list[Any]:
    """The members of a union; of anything else the thing itself."""
    if get_origin(annotation) is Annotated:
        return kinds(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [kind for member in get_args(annotation) for kind in kinds(member)]
    return [annotation]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("sft.learning_rate", True),
        ("sft.learning_rat", False),
        ("sft.lora.rank", True),
        ("sft.swift.optim", True),
        ("score.tasks.asr", True),
        ("demo.pretrain.tuner", True),
        ("validate.max_rejected", True),
        ("sft.epochs.more", False),
    ],
)
def test_keys_are_told_from_mistakes(key: str, expected: bool) -> None:
    assert is_key(Config, key.split(".")) is expected
