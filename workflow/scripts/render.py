"""Write the arguments file of a stage that runs ms-swift, held against the installed ms-swift's own classes."""

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omnitune import (
    adapter,
    attention,
    base_model,
    deploy_args,
    infer_args,
    rollout_args,
    swift_args,
    swift_flags,
    trainable,
)
from omnitune.config.deploy import DeployConfig
from omnitune.config.grpo import GrpoConfig
from omnitune.config.infer import InferConfig
from omnitune.config.media import MediaConfig
from omnitune.config.sft import SftConfig
from omnitune.config.training import TrainingConfig
from omnitune.errors import run
from omnitune.model_parts import Shapes
from omnitune.publish import write_json
from omnitune.rewards import check as reward_check

COMMANDS: dict[str, swift_flags.Command] = {
    "sft": "sft", "grpo": "rlhf", "rollout": "rollout", "infer": "infer", "deploy": "deploy",
}  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Write the file named by --output."""
    parser = argparse.ArgumentParser(description=__doc__)
    stages = parser.add_subparsers(dest="stage", required=True)
    sft = stages.add_parser("sft", help="swift sft")
    sft.add_argument("--train", type=Path, required=True, help="JSONL of rows to train on")
    sft.add_argument("--val", type=Path, help="JSONL of rows to watch; an empty or absent file is left out")
    sft.add_argument("--cached", type=Path, help="folder of cache_rows.py's train and val, taken in their place")
    sft.add_argument("--checkpoints", required=True, help="folder of the checkpoints")
    grpo = stages.add_parser("grpo", help="swift rlhf --rlhf_type grpo")
    grpo.add_argument("--prompts", required=True, help="JSONL of rows to sample completions of")
    grpo.add_argument("--split-manifest", type=Path, required=True, help="the split's manifest, which counts them")
    grpo.add_argument("--adapter", help="folder of an adapter on the model, which is trained on")
    grpo.add_argument("--checkpoints", required=True, help="folder of the checkpoints")
    grpo.add_argument("--server", help="arguments file of the server that samples")
    rollout = stages.add_parser("rollout", help="swift rollout, the server that samples for GRPO")
    for stage in (grpo, rollout):
        stage.add_argument("--modules", type=Path, required=True, help="the base's manifest")
    infer = stages.add_parser("infer", help="swift infer")
    infer.add_argument("--test", required=True, help="JSONL of rows to answer")
    infer.add_argument("--adapter", help="folder of an adapter on the model")
    infer.add_argument("--result", required=True, help="file for ms-swift's raw results")
    deploy = stages.add_parser("deploy", help="swift deploy")
    deploy.add_argument("--infer", type=json.loads, required=True, help="the infer section of the config, JSON")
    deploy.add_argument("--name", required=True, help="name of the model for its clients")
    deploy.add_argument("--environment", help="the site's own swift environment")
    for stage in (sft, grpo, rollout, infer, deploy):
        stage.add_argument(
            "--settings", type=json.loads, required=True, help="the stage's section of the config, JSON"
        )
        stage.add_argument("--media", type=json.loads, required=True, help="the media section of the config, JSON")
        stage.add_argument("--device", choices=["cuda", "cpu"], required=True)
        stage.add_argument("--model", type=Path, required=True, help="folder with the model's manifest")
        stage.add_argument("--output", type=Path, required=True, help="the arguments file")
    options = parser.parse_args(argv)
    makers = {"sft": _sft, "grpo": _grpo, "rollout": _rollout, "infer": _infer, "deploy": _deploy}
    arguments = makers[options.stage](options)
    section = "grpo.server" if options.stage == "rollout" else options.stage
    swift_flags.check_flags(COMMANDS[options.stage], arguments, f"{section}.swift")
    write_json(options.output, arguments)
    return 0


def _sft(options: argparse.Namespace) -> dict[str, Any]:
    settings = SftConfig.model_validate(options.settings)
    shapes = Shapes.of(json.loads((options.model / "manifest.json").read_bytes()))
    if settings.resume_adapter:
        resumed = adapter.read(Path(settings.resume_adapter))
        adapter.check_resumable(resumed, settings, shapes)
        adapter.check_base(resumed.folder, base_model.weights_digest(base_model.folder_of(options.model)))
    watched = options.val is not None and options.val.is_file() and options.val.stat().st_size > 0
    train, val = options.train, options.val
    if options.cached:
        train, val = options.cached / "train", options.cached / "val"
    arguments = swift_args.sft(
        settings,
        media=MediaConfig.model_validate(options.media),
        device=options.device,
        model=str(base_model.folder_of(options.model)),
        shapes=shapes,
        train=str(train),
        val=str(val) if watched else None,
        plugins=_plugins("trainer_plugin.py"),
        output=options.checkpoints,
        attention=attention.choose(settings),
    )
    return _with_contract(arguments, settings, shapes)


def _with_contract(arguments: dict[str, Any], settings: TrainingConfig, shapes: Shapes) -> dict[str, Any]:
    """The arguments with what must train by them, which is told here and checked in the trainer."""
    contract = trainable.expected(settings, shapes)
    print(trainable.table(contract, shapes.parameters))
    environment = arguments["ENV"] | {trainable.VARIABLE: json.dumps(contract)}
    return arguments | {"ENV": environment}


def _grpo(options: argparse.Namespace) -> dict[str, Any]:
    settings = GrpoConfig.model_validate(options.settings)
    split = json.loads(options.split_manifest.read_bytes())
    reward_check.check(settings, prompts=split["files"]["grpo.jsonl"]["rows"], solutions=split["solutions"])
    shapes = Shapes.of(json.loads(options.modules.read_bytes()))
    arguments = swift_args.grpo(
        settings,
        media=MediaConfig.model_validate(options.media),
        device=options.device,
        model=_policy(options),
        adapter=options.adapter,
        shapes=shapes,
        prompts=options.prompts,
        plugins=_plugins("trainer_plugin.py", "reward_plugin.py", "rollout_plugin.py"),
        output=options.checkpoints,
        server=options.server,
    )
    return _with_contract(arguments, settings, shapes)


def _rollout(options: argparse.Namespace) -> dict[str, Any]:
    return rollout_args.rollout(
        GrpoConfig.model_validate(options.settings),
        media=MediaConfig.model_validate(options.media),
        device=options.device,
        model=_policy(options),
        plugins=_plugins("rollout_plugin.py"),
    )


def _policy(options: argparse.Namespace) -> str:
    # A start that is not the base may still have to be made, and lies in its folder as it is.
    is_base = options.model == options.modules.parent
    return str(base_model.folder_of(options.model) if is_base else options.model)


def _plugins(*names: str) -> list[str]:
    return [os.path.relpath(Path(__file__).with_name(name)) for name in names]


def _infer(options: argparse.Namespace) -> dict[str, Any]:
    return infer_args.infer(
        InferConfig.model_validate(options.settings),
        media=MediaConfig.model_validate(options.media),
        device=options.device,
        model=str(base_model.folder_of(options.model)),
        adapter=options.adapter,
        test=options.test,
        output=options.result,
    )


def _deploy(options: argparse.Namespace) -> dict[str, Any]:
    return deploy_args.deploy(
        DeployConfig.model_validate(options.settings),
        infer=InferConfig.model_validate(options.infer),
        media=MediaConfig.model_validate(options.media),
        device=options.device,
        model=str(options.model),
        name=options.name,
        environment=options.environment,
    )


if __name__ == "__main__":
    run(main)
