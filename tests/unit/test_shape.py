"""The house: every stage in its place, generated files current, layers that do not know each other."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel

from omnitune import config_files
from omnitune.config.run import Config
from omnitune.config.score import Metric
from omnitune.config.sources import SourceConfig, Use
from omnitune.converters import FORMATS
from omnitune.environments import ROOT
from omnitune.scoring.metrics import METRICS

SCRIPTS = ROOT / "workflow" / "scripts"
LIBRARY = SCRIPTS / "omnitune"
RULES = sorted((ROOT / "rules").glob("*.smk"))
MODULES = sorted(LIBRARY.rglob("*.py"))
CODE = [*sorted(SCRIPTS.rglob("*.py")), *RULES, ROOT / "Snakefile"]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


# One stem a stage: rule file, script, config key. sft is trained by train.py; convert is described by sources,
# report by nothing but the results; a server is run by a person, by deploy.py.
STAGES = {
    "model": ("model", "model"),
    "convert": ("convert", "sources"),
    "validate": ("validate", "validate"),
    "split": ("split", "split"),
    "sft": ("train", "sft"),
    "grpo": ("render", "grpo"),
    "merge": ("merge", "merge"),
    "infer": ("infer", "infer"),
    "score": ("score", "score"),
    "report": ("report", None),
    "deploy": ("render", "deploy"),
    "demo": ("demo", "demo"),
}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_has_its_rules_its_script_and_its_section(stage: str):
    script, key = STAGES[stage]
    rules = ROOT / "rules" / f"{stage}.smk"
    assert rules.is_file()
    assert (SCRIPTS / f"{script}.py").is_file()
    assert f'include: "rules/{stage}.smk"' in (ROOT / "Snakefile").read_text()
    assert f"/{script}.py" in rules.read_text(), "the rules do not run the stage's script"
    keys = {field.alias or name for name, field in Config.model_fields.items()}
    assert key is None or key in keys


def test_every_rule_file_is_a_stage():
    assert {path.stem for path in RULES} == {*STAGES, "common"}


def test_only_common_has_functions_and_it_has_no_rules():
    for path in RULES:
        has = {word: bool(re.search(rf"^(use )?{word} ", path.read_text(), re.M)) for word in ("def", "rule")}
        assert has == {"def": path.stem == "common", "rule": path.stem != "common"}, name(path)


def test_every_config_key_has_a_module_of_its_name():
    keys = {field.alias or name for name, field in Config.model_fields.items() if inner_models(field.annotation)}
    modules = {path.stem for path in (LIBRARY / "config").glob("*.py")}
    assert keys - {"demo"} <= modules, "demo is described in run.py"


# Layers.

HEAVY = ["snakemake", "torch", "transformers", "swift", "peft", "av", "PIL", "deepspeed", "modelscope"]


def test_no_module_of_the_library_loads_a_heavy_package():
    modules = [
        ".".join(path.relative_to(SCRIPTS).with_suffix("").parts).removesuffix(".__init__") for path in MODULES
    ]
    code = (
        "import importlib, sys\n"
        f"for module in {modules!r}:\n"
        "    importlib.import_module(module)\n"
        f"    for heavy in {HEAVY!r}:\n"
        "        if sys.modules.pop(heavy, None): print(module, heavy)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=SCRIPTS, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("", "")


def imports(path: Path, *, top: bool) -> set[str]:
    """First names of what a file imports, anywhere or at its top level only."""
    tree = ast.parse(path.read_text())
    nodes = tree.body if top else list(ast.walk(tree))
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_the_library_knows_neither_snakemake_nor_heavy_packages_at_its_top(path: Path):
    # The packages of this environment alone would not show it: torch is not here.
    assert "snakemake" not in imports(path, top=False)
    assert not set(HEAVY) & imports(path, top=True)


def test_scripts_never_open_the_config():
    for path in SCRIPTS.glob("*.py"):
        if path.stem not in {"init", "plan", "doctor", "describe_config"}:
            assert "yaml" not in imports(path, top=False), name(path)
            assert "config.yaml" not in path.read_text(), name(path)


def test_flags_of_ms_swift_stand_in_one_file():
    flags = r"\b(gradient_accumulation_steps|per_device_train_batch_size|num_train_epochs|lora_rank|freeze_vit=)\b"
    # trainer/ runs inside ms-swift and looks at its objects, whose attributes have the same names.
    code = [path for path in CODE if path.parent.name != "trainer"]
    found = [name(path) for path in code if re.search(flags, path.read_text())]
    stems = ("batch_args", "swift_args", "swift_owned", "tuner_args")
    assert found == [f"workflow/scripts/omnitune/{stem}.py" for stem in stems]


# Sizes.


@pytest.mark.parametrize("path", [*MODULES, *RULES, ROOT / "Snakefile", *sorted(SCRIPTS.glob("*.py"))], ids=name)
def test_a_file_holds_one_idea(path: Path):
    # demo.smk makes its own model and data by ten rules; common.smk holds every function of the rules.
    longest = {"demo": 180, "common": 220}.get(path.stem, 140) if path.suffix == ".smk" else 320
    if path.name == "Snakefile":
        longest = 80
    assert len(path.read_text().splitlines()) <= longest


# Rules.

# Numbers and words of a fixed list, from the config's own types.
PLAIN = {
    "{params.asked}", "{params.need_solution}", "{params.device}", "{params.gpus}", "{params.max_rejected}",
    "{params.processes}", "{params.publish}", "{params.seed}", "{params.shards}", "{params.test}", "{params.val}",
    "{resources.attempt}", "{resources.gpu}",
    "{threads}",
}  # fmt: skip


def rules() -> Iterator[tuple[str, str]]:
    """(rule, its text) of every rule file."""
    for path in RULES:
        for part in re.split(r"^(?=(?:use )?rule )", path.read_text(), flags=re.M)[1:]:
            yield f"{path.stem}: {part.splitlines()[0]}", part


def shells() -> Iterator[tuple[str, str]]:
    for rule, text in rules():
        if "shell:" in text:
            yield rule, text.partition("shell:")[2]


def test_every_value_in_a_shell_command_is_quoted():
    found = [
        (rule, value)
        for rule, shell in shells()
        for value in re.findall(r"\{[^{}]+\}", shell)
        if not value.endswith(":q}") and value not in PLAIN
    ]
    assert found == []
    assert sum(1 for _ in shells()) > 10


@pytest.mark.parametrize("value", sorted(PLAIN))
def test_an_unquoted_value_is_in_use(value: str):
    assert value == "{threads}" or any(value in shell for _, shell in shells())


def test_unquoted_numbers_come_from_numbers():
    """`{params.test}` is a share in split.smk and would be a path in infer.smk."""
    for rule, shell in shells():
        for value in ("test", "val"):
            assert f"{{params.{value}}}" not in shell or rule.startswith("split:"), rule


def test_rules_are_contracts():
    for rule, text in rules():
        for word in ("run:", "script:", "message:", "notebook:", "wrapper:"):
            assert not re.search(rf"^ +{word}", text, re.M), f"{rule} {word}"
        assert re.search(r"^ +log:", text, re.M), f"{rule} has no log"
        if "{" in text.partition("shell:")[2] and "2>&1" in text:
            assert "> {log:q} 2>&1" in text, rule


def test_no_rule_lists_code_as_input():
    for rule, text in rules():
        inputs = re.search(r"^ +input:\n((?: {8}.*\n)+)", text, re.M)
        assert not inputs or ".py" not in inputs[1], rule


def test_every_job_asks_for_memory_and_time():
    for rule, text in rules():
        if text.startswith("rule ") and not rule.startswith("demo:"):
            assert "mem_mb=" in text, rule
            assert "runtime=" in text, rule


# No host, address or home of ours.

ADDRESS = re.compile(
    r"https?://|--(extra-)?index-url|/(?:home|r[o]ot|Users)/|\b[\w-]+\.(?:pypi|artifactory)\b|pypi\.org"
)
SCHEMES = re.compile(r"https?://(?=[\"'),|{]|$)")  # the scheme alone, as in a check for an URL


@pytest.mark.parametrize("path", [*CODE, *sorted((ROOT / "envs").iterdir())], ids=name)
def test_no_address_is_written_into_the_project(path: Path):
    text = path.read_text(encoding="utf-8")
    found = [line for line in text.splitlines() if ADDRESS.search(SCHEMES.sub("", line))]
    # An XML namespace is a name, not an address.
    assert [line for line in found if "www.w3.org" not in line] == []


def test_locks_are_hashed_and_exact():
    for path in (ROOT / "envs").glob("*.lock.txt"):
        packages = re.split(r"^(?=[A-Za-z0-9])", path.read_text(), flags=re.M)[1:]
        assert packages
        for package in packages:
            assert re.match(r"[\w.\[\]-]+==\S+", package), (path.name, package[:60])
            assert "--hash=sha256:" in package, (path.name, package[:60])


# One word for one thing.


def test_metrics_of_the_config_are_those_of_the_table():
    assert get_args(Metric) == tuple(METRICS)


def test_formats_and_uses_of_the_config_are_those_of_the_code():
    formats = get_args(SourceConfig.model_fields["format"].annotation)
    assert set(formats) == set(FORMATS)
    choices = re.findall(r'"--use".*?choices=(\[[^\]]*\])', (SCRIPTS / "validate.py").read_text(), re.S)
    assert [set(ast.literal_eval(options)) for options in choices] == [set(get_args(Use))] * 2


# Every setting is read.


def inner_models(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in inner_models(argument)]


def fields(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str]]:
    """(key, attribute) of every leaf."""
    for attribute, field in model.model_fields.items():
        key = f"{prefix}{field.alias or attribute}"
        inner = inner_models(field.annotation)
        if not inner:
            yield key, attribute
        for one in inner:
            if key != "demo.pretrain":  # its keys are sft's
                yield from fields(one, f"{key}.")


# How the code calls a section when it reads it.
OWNERS = {
    "model": ["cfg.model"], "media": ["cfg.media", "media"], "split": ["cfg.split"],
    "validate": ["cfg.validate_", "settings"],
    "sources": ["source", r"cfg.sources\[\w+(\.\w+)?\]"], "sft": ["settings", r"\]\.sft", "experiment.sft", "sft"],
    "sft.lora": ["settings.lora"],
    "grpo": ["settings", r"\]\.grpo", "experiment.grpo", "grpo", "self.grpo"], "grpo.lora": ["settings.lora"],
    "grpo.lab": ["settings"], "grpo.server": ["server"], "grpo.rewards": ["reward"],
    "merge": ["experiment.merge", r"\]\.merge"], "deploy": ["settings"], "infer": ["settings", "cfg.infer"],
    "score": ["cfg.score"], "resources": ["cfg.resources"], "envs": ["cfg.envs"], "demo": ["cfg.demo"],
}  # fmt: skip
READERS = [*RULES, *(path for path in MODULES if path.parent.name != "config" and path.stem != "recipes")]
# Overrides are applied by load(), which also judges the address; the batch's product is turned into its factors,
# and what is said of both towers into what is said of each, by recipes.
APPLIED = {
    "sft.freeze_vit", "grpo.freeze_vit",
    "experiments.sft", "experiments.grpo", "experiments.merge", "sft.enabled", "grpo.enabled",
    "sft.effective_batch", "grpo.effective_batch", "grpo.start_from", "deploy.expose", "recipe",
}  # fmt: skip


@pytest.mark.parametrize(("key", "attribute"), list(fields(Config)))
def test_every_setting_is_read(key: str, attribute: str):
    section = key.rpartition(".")[0]
    if key in APPLIED:
        read = [
            (LIBRARY / "config" / "experiments.py").read_text()
            + (LIBRARY / "config" / "load.py").read_text()
            + (LIBRARY / "recipes.py").read_text()
        ]
        pattern = rf"\b(config\.|\")?{attribute}\b"
    else:
        read = [path.read_text() for path in READERS]
        owner = "|".join(OWNERS[section]) if section else "cfg"
        pattern = rf"(?:{owner})\.{attribute}\b"
        if key == "resources.gpu_memory_gib":  # read where the recipe is filled in
            read.append((LIBRARY / "config" / "load.py").read_text())
            pattern = r"config\.resources\.gpu_memory_gib"
        if key == "grpo.rewards.weight":  # a section's weights are read together
            read.append((LIBRARY / "config" / "grpo.py").read_text())
        if section == "envs":  # by the name of the environment
            pattern = rf"cfg\.envs\.(own\(|{attribute}\b)"
        if key.endswith("_template"):  # read together
            pattern = r"source\.templates\(\)"
    assert any(re.search(pattern, text) for text in read), f"nothing reads {key}"


def test_the_examples_are_configs():
    from omnitune.config.load import load

    for path in sorted((ROOT / "config" / "examples").glob("*.yaml")):
        # demo_grpo.yaml is laid over demo.yaml.
        files = [path.with_name("demo.yaml"), path] if path.stem.startswith("demo_") else [path]
        values: dict[str, Any] = {}
        for file in files:
            values = config_files.merge(values, yaml.safe_load(file.read_text(encoding="utf-8")))
        load(values, files)
