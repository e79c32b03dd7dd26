"""Write the arguments file of a stage that runs ms-swift, held against the installed ms-swift's own classes."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omnitune import base_model, deploy_args, swift_args, swift_flags
from omnitune.config.deploy import DeployConfig
from omnitune.config.infer import InferConfig
from omnitune.config.media import MediaConfig
from omnitune.config.sft import SftConfig
from omnitune.errors import run
from omnitune.publish import write_json


def main(argv: Sequence[str] | None = None) -> int:
    """Write the file named by --output."""
    parser = argparse.ArgumentParser(description=__doc__)
    stages = parser.add_subparsers(dest="stage", required=True)
    sft = stages.add_parser("sft", help="swift sft")
    sft.add_argument("--train", type=Path, required=True, help="JSONL of rows to train on")
    sft.add_argument("--val", type=Path, help="JSONL of rows to watch; an empty or absent file is left out")
    sft.add_argument("--checkpoints", required=True, help="folder of the checkpoints")
    infer = stages.add_parser("infer", help="swift infer")
    infer.add_argument("--test", required=True, help="JSONL of rows to answer")
    infer.add_argument("--adapter", help="folder of an adapter on the model")
    infer.add_argument("--result", required=True, help="file for ms-swift's raw results")
    deploy = stages.add_parser("deploy", help="swift deploy")
    deploy.add_argument("--infer", type=json.loads, required=True, help="the infer section of the config, JSON")
    deploy.add_argument("--name", required=True, help="name of the model for its clients")
    deploy.add_argument("--environment", help="the site's own swift environment")
    for stage in (sft, infer, deploy):
        stage.add_argument(
            "--settings", type=json.loads, required=True, help="the stage's section of the config, JSON"
        )
        stage.add_argument("--media", type=json.loads, required=True, help="the media section of the config, JSON")
        stage.add_argument("--device", choices=["cuda", "cpu"], required=True)
        stage.add_argument("--model", type=Path, required=True, help="folder with the model's manifest")
        stage.add_argument("--output", type=Path, required=True, help="the arguments file")
    options = parser.parse_args(argv)
    command = options.stage
    arguments = {"sft": _sft, "infer": _infer, "deploy": _deploy}[command](options)
    swift_flags.check_flags(command, arguments)
    write_json(options.output, arguments)
    return 0


def _sft(options: argparse.Namespace) -> dict[str, Any]:
    manifest = json.loads((options.model / "manifest.json").read_bytes())
    watched = options.val is not None and options.val.is_file() and options.val.stat().st_size > 0
    return swift_args.sft(
        SftConfig.model_validate(options.settings),
        media=MediaConfig.model_validate(options.media),
        device=options.device,
        model=str(base_model.folder_of(options.model)),
        linear_modules=manifest["linear_modules"],
        train=str(options.train),
        val=str(options.val) if watched else None,
        output=options.checkpoints,
    )


def _infer(options: argparse.Namespace) -> dict[str, Any]:
    # A final model lies beside its manifest; the base is linked there.
    is_base = (options.model / base_model.WEIGHTS).is_symlink()
    return swift_args.infer(
        InferConfig.model_validate(options.settings),
        media=MediaConfig.model_validate(options.media),
        device=options.device,
        model=str(base_model.folder_of(options.model) if is_base else options.model),
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
