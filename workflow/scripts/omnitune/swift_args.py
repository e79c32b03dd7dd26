"""Config and manifests -> ms-swift arguments. Only swift_owned.py and the files called *_args.py know its flags.

An arguments file is a flat map that `swift sft args.json` takes as it is: list items are strings, nothing is
null, and ENV holds the media contract. Device numbers, the checkpoint to resume and secrets are not in it:
the supervisor adds them.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from omnitune import grpo_args
from omnitune.config.grpo import GrpoConfig
from omnitune.config.media import MediaConfig
from omnitune.config.sft import SftConfig
from omnitune.config.training import TrainingConfig
from omnitune.errors import PipelineError
from omnitune.model_parts import Shapes
from omnitune.swift_owned import refuse_owned
from omnitune.trainer.callback import NAME as CALLBACK
from omnitune.tuner_args import tuner

VERSION = 3
Device = Literal["cuda", "cpu"]
Arguments = dict[str, Any]

# Pixels of one visual token: a patch of 16 x 16, merged 2 x 2 (Qwen3-Omni's vision_config).
PIXELS_PER_TOKEN = 32 * 32


def media_environment(media: MediaConfig) -> dict[str, str]:
    """The environment variables by which ms-swift sizes media, equal in every stage.

    The minimum goes below the maximum for video: the reader takes max(maximum, 1.05 x minimum), and its
    default minimum of 128 tokens would turn 50,176 pixels into 137,625.
    """
    video_tokens = max(media.video_max_pixels // PIXELS_PER_TOKEN, 4)
    return {
        "IMAGE_MAX_TOKEN_NUM": str(media.image_max_pixels // PIXELS_PER_TOKEN),
        "VIDEO_MAX_TOKEN_NUM": str(video_tokens),
        "VIDEO_MIN_TOKEN_NUM": "4",
        "FPS_MAX_FRAMES": str(media.video_max_frames),
        "SAMPLING_RATE": str(media.sampling_rate),
        "USE_AUDIO_IN_VIDEO": str(media.audio_in_video),
        "ENABLE_AUDIO_OUTPUT": "0",
        "FORCE_QWENVL_VIDEO_READER": "decord",
        "SWIFT_AUDIO_LOAD_BACKEND": "soundfile_pyav",
    }


def sft(
    settings: SftConfig,
    *,
    media: MediaConfig,
    device: Device,
    model: str,
    shapes: Shapes,
    train: str,
    val: str | None,
    plugins: Sequence[str],
    output: str,
    attention: str | None = None,
) -> Arguments:
    """Arguments of `swift sft`.

    Args:
        settings: the section with the recipe filled in.
        model: folder of the base.
        shapes: the base's layers.
        train, val: JSONL files, or with `settings.by_length` folders of `tokens.cached`; without val nothing is
            evaluated during training.
        plugins: the Python files that ms-swift imports; one registers the callback of `trainer.callback`.
        output: folder of the checkpoints.
        attention: the flash attention by which rows are not padded, if they are not.

    Raises:
        PipelineError: for a flag in `sft.swift` that has a key of its own or is the pipeline's; when the best
            checkpoint is wanted and there is no val.
    """
    refuse_owned("sft", settings.swift)
    if settings.publish == "best" and not val:
        raise PipelineError(
            "the best checkpoint is that with the lowest loss on val, and no row fell to val",
            where="sft.publish",
            fix="Raise split.val, or publish last.",
        )
    arguments = _training(settings, media, device, model, shapes, plugins, output)
    rows, watched = "dataset", "val_dataset"
    if settings.by_length:
        # From JSONL ms-swift would encode every row before the first step; a column of lengths in it is dropped.
        rows, watched = "cached_dataset", "cached_val_dataset"
        arguments |= {"group_by_length": settings.group_by_length, "packing": settings.packing}
    arguments[rows] = [train]
    if attention:
        arguments |= {"attn_impl": attention, "padding_free": True}
    if settings.resume_adapter:
        arguments["adapters"] = [settings.resume_adapter]
    if val:
        arguments |= {watched: [val], "eval_strategy": "steps", "eval_steps": settings.eval_steps}
    return as_text(arguments | settings.swift)


def grpo(
    settings: GrpoConfig,
    *,
    media: MediaConfig,
    device: Device,
    model: str,
    adapter: str | None,
    shapes: Shapes,
    prompts: str,
    plugins: Sequence[str],
    output: str,
    server: str | None = None,
) -> Arguments:
    """Arguments of `swift rlhf` for GRPO.

    Args:
        settings: the section with the recipe filled in.
        model: folder of the model that the policy starts from.
        adapter: folder of an adapter on it that is trained on, or None.
        shapes: as in `sft`.
        prompts: JSONL file.
        plugins: as in `sft`; one registers the rewards, one prepares vLLM.
        output: folder of the checkpoints.
        server: the arguments file of the server that samples, when one does.

    Raises:
        PipelineError: as in `sft`.
    """
    refuse_owned("grpo", settings.swift)
    arguments = _training(settings, media, device, model, shapes, plugins, output)
    arguments |= {"dataset": [prompts], **grpo_args.flags(settings, device)}
    if adapter:
        # The divergence is measured from the adapter as sft left it, not from the bare base.
        arguments |= {"adapters": [adapter], "ref_adapters": [adapter]}
    arguments["ENV"] |= grpo_args.environment(settings, device, server)
    return as_text(arguments | settings.swift)


def _training(
    settings: TrainingConfig,
    media: MediaConfig,
    device: Device,
    model: str,
    shapes: Shapes,
    plugins: Sequence[str],
    output: str,
) -> Arguments:
    """What sft and grpo have in common."""
    arguments: Arguments = {
        **common(model, device),
        **tuner(settings, shapes),
        "split_dataset_ratio": 0,
        "external_plugins": list(plugins),
        "callbacks": [CALLBACK],
        "output_dir": output,
        "add_version": False,
        "strict": True,
        "check_model": False,
        "num_train_epochs": settings.epochs,
        "per_device_train_batch_size": settings.micro_batch,
        "per_device_eval_batch_size": settings.micro_batch,
        "gradient_accumulation_steps": settings.gradient_accumulation,
        "gradient_checkpointing": settings.gradient_checkpointing,
        "learning_rate": settings.learning_rate,
        "lr_scheduler_type": settings.lr_scheduler,
        "warmup_ratio": settings.warmup_ratio,
        "weight_decay": settings.weight_decay,
        "max_length": settings.max_length,
        "eval_strategy": "no",
        "save_strategy": "steps",
        "save_steps": settings.save_steps,
        "save_total_limit": settings.save_total_limit,
        "logging_steps": settings.logging_steps,
        "logging_first_step": True,
        "dataloader_num_workers": settings.dataloader_workers,
        "dataset_num_proc": settings.dataset_workers,
        "load_from_cache_file": True,
        "report_to": ["none"],
        "seed": settings.seed,
        "data_seed": settings.seed,
        # Seconds that a rank waits for another: longer than one seals a checkpoint while the others wait. Hangs
        # are found by the watchdog; this ends what nobody watches. ms-swift's own default is 208 days.
        "ddp_timeout": 4 * 3600,
    }
    if device == "cpu":
        arguments |= {"use_cpu": True, "fp16": False, "bf16": False}
        # A loader that lives from one evaluation to the next draws from the random state once less, and a resumed
        # training would differ from one that ran through.
        arguments |= {"dataloader_persistent_workers": False}
        if settings.processes != 1:
            arguments |= {"ddp_backend": "gloo"}
    if settings.deepspeed != "none":
        arguments |= {"deepspeed": settings.deepspeed}
    return arguments | {"ENV": media_environment(media)}


def common(model: str, device: Device) -> Arguments:
    """What every command is told: the model, its kind, its type of numbers."""
    return {
        "model": model,
        "model_type": "qwen3_omni_moe",
        "template": "qwen3_omni",
        "torch_dtype": "float32" if device == "cpu" else "bfloat16",
    }


def as_text(arguments: Mapping[str, Any]) -> Arguments:
    """Values as ms-swift's reader takes them: booleans in lower case, list items as strings."""

    def text(value: Any) -> Any:
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, list | tuple):
            return [str(text(item)) for item in value]
        return value

    return {name: value if name == "ENV" else text(value) for name, value in arguments.items()}


def command_line(arguments: Mapping[str, Any]) -> list[str]:
    """The arguments as argv; a nested map becomes JSON, as ms-swift's own reader does it."""
    argv = []
    for name, value in arguments.items():
        if name == "ENV":
            continue
        argv.append(f"--{name}")
        if isinstance(value, list):
            argv += map(str, value)
        else:
            argv.append(json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value))
    return argv
