"""Which stage a log belongs to: rules stand in the file that bears their stage's name."""

import re
from functools import cache
from pathlib import Path

from omnitune import environments


def of_log(log: Path, logs: Path) -> tuple[str, str]:
    """(stage, of) of a log or a file beside it, whose place under `logs`, the run's folder, names its rule.

    `main/train_sft.swift.log`, `base/infer.log`, `main/infer.merge.log`, `convert_source/clips.0.log`,
    `split_rows.log`.
    """
    *folders, name = log.relative_to(logs).parts
    stem = re.sub(r"(\.swift)?\.(log|verdict\.json|running\.json)$", "", name)
    if folders and (stage := _stages().get(folders[-1])):
        return stage, stem
    rule, _, more = stem.partition(".")
    stage = _stages().get(rule, rule)
    return f"{stage}.{more}" if more else stage, folders[-1] if folders else ""


def place(stage: str) -> list[int]:
    """Where a stage stands in the pipeline; answers stand in the order of their models.

    What only makes the pipeline's inputs comes first.
    """
    return [_pipeline().get(part, -1) for part in stage.split(".")]


@cache
def _pipeline() -> dict[str, int]:
    contents = (environments.ROOT / "Snakefile").read_text(encoding="utf-8")
    stages = re.findall(r'^include: "rules/(\w+)\.smk"', contents, re.M)
    return {stage: number for number, stage in enumerate(stages)}


@cache
def _stages() -> dict[str, str]:
    """Rule -> stage."""
    stages = {}
    for file in sorted((environments.ROOT / "rules").glob("*.smk")):
        for rule in re.findall(r"^ *(?:use )?rule (?:\w+ as )?(\w+)", file.read_text(encoding="utf-8"), re.M):
            stages[rule] = file.stem
    return stages
