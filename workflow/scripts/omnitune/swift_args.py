"""Config and manifests -> ms-swift arguments: the only file that knows ms-swift's flag names, but for the
server's own (deploy_args.py).

An arguments file is a flat map that `swift sft args.json` takes as it is: list items are strings, nothing is
null, and ENV holds the media contract. Device numbers, the checkpoint to resume and secrets are not in it:
the supervisor adds them.
"""

from collections.abc import Mapping
from typing import Any, Literal

from omnitune.config.infer import InferConfig
from omnitune.config.media import MediaConfig
from omnitune.config.sft import SftConfig
from omnitune.errors import PipelineError

VERSION = 1
Device = Literal["cuda", "cpu"]
Arguments = dict[str, Any]

# Pixels of one visual token: a patch of 16 x 16, merged 2 x 2 (Qwen3-Omni's vision_config).
PIXELS_PER_TOKEN = 32 * 32
# The config's key for each flag that has one; such a flag is not taken from sft.swift.
KEYS = {
    "tuner_type": "sft.tuner",
    "num_train_epochs": "sft.epochs",
    "learning_rate": "sft.learning_rate",
    "lr_scheduler_type": "sft.lr_scheduler",
    "warmup_ratio": "sft.warmup_ratio",
    "weight_decay": "sft.weight_decay",
    "max_length": "sft.max_length",
    "per_device_train_batch_size": "sft.micro_batch",
    "per_device_eval_batch_size": "sft.micro_batch",
    "gradient_accumulation_steps": "sft.gradient_accumulation",
    "gradient_checkpointing": "sft.gradient_checkpointing",
    "deepspeed": "sft.deepspeed",
    "freeze_llm": "sft.freeze_llm",
    "freeze_vit": "sft.freeze_vit",
    "freeze_aligner": "sft.freeze_aligner",
    "eval_steps": "sft.eval_steps",
    "save_steps": "sft.save_steps",
    "save_total_limit": "sft.save_total_limit",
    "logging_steps": "sft.logging_steps",
    "dataloader_num_workers": "sft.dataloader_workers",
    "dataset_num_proc": "sft.dataset_workers",
    "seed": "sft.seed",
    "data_seed": "sft.seed",
    "target_modules": "sft.freeze_vit and sft.freeze_aligner",
    "lora_rank": "sft.lora.rank",
    "lora_alpha": "sft.lora.alpha",
    "lora_dropout": "sft.lora.dropout",
    "model": "model.path",
    "use_hf": "model.hub",
    "model_revision": "model.revision",
    "dataset": "sources",
    "val_dataset": "split.val",
    "split_dataset_ratio": "split.val",
    "max_pixels": "media.image_max_pixels",
    "model_kwargs": "media",
    "torch_dtype": "device",
    "use_cpu": "device",
    "fp16": "device",
    "bf16": "device",
}
# Flags that change what an adapter is, in ways that the merge does not know.
UNMERGEABLE = {
    "use_dora", "lora_bias", "modules_to_save", "target_parameters", "init_weights", "target_regex",
    "tuner_backend", "use_galore", "lora_dtype", "trainable_parameters", "trainable_parameters_regex",
    "freeze_parameters",
}  # fmt: skip
# Flags without a key: the pipeline's promises (resume, strictness, one folder a stage) hang on their values.
FIXED = {
    "model_type", "template", "output_dir", "add_version", "strict", "resume_from_checkpoint", "ENV",
    "check_model", "load_args", "create_checkpoint_symlink", "save_strategy", "max_steps", "streaming",
    "ddp_timeout", "ddp_backend", "resume_only_model", "save_only_model", "ignore_args_error",
    "max_epochs", "early_stop_interval", "callbacks", "auto_find_batch_size",
    "external_plugins", "custom_register_path", "adapters", "fsdp", "quant_bits", "quant_method", "push_to_hub",
}  # fmt: skip


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
    linear_modules: Mapping[str, list[str]],
    train: str,
    val: str | None,
    output: str,
) -> Arguments:
    """Arguments of `swift sft`.

    Args:
        settings: the section with the recipe filled in.
        model: folder of the base.
        linear_modules: names of the base's linear layers by group (llm, vision, audio, aligner).
        train, val: JSONL files; without val nothing is evaluated during training.
        output: folder of the checkpoints.

    Raises:
        PipelineError: for a flag in `sft.swift` that has a key of its own or is the pipeline's.
    """
    refuse_owned(settings.swift)
    arguments: Arguments = {
        **common(model, device),
        "tuner_type": settings.tuner,
        "dataset": [train],
        "split_dataset_ratio": 0,
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
        "freeze_llm": settings.freeze_llm,
        "freeze_vit": settings.freeze_vit,
        "freeze_aligner": settings.freeze_aligner,
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
        # Seconds that a rank waits for another; ms-swift's own default is 208 days.
        "ddp_timeout": 1800,
    }
    if val:
        arguments |= {"val_dataset": [val], "eval_strategy": "steps", "eval_steps": settings.eval_steps}
    else:
        arguments |= {"eval_strategy": "no"}
    if settings.tuner == "lora":
        arguments |= {
            "lora_rank": settings.lora.rank,
            "lora_alpha": settings.lora.alpha,
            "lora_dropout": settings.lora.dropout,
            "target_modules": lora_targets(settings, linear_modules),
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
    return as_text(arguments | settings.swift) | {"ENV": media_environment(media)}


def lora_targets(settings: SftConfig, linear_modules: Mapping[str, list[str]]) -> list[str]:
    """Full names of every linear layer in the groups that are not frozen.

    Full names, because `all-linear` and a regex both lose their path inside peft and then match the audio
    tower's projections as well, frozen or not.
    """
    groups = [] if settings.freeze_llm else ["llm"]
    if not settings.freeze_vit:
        groups += ["vision", "audio"]
    if not settings.freeze_aligner:
        groups += ["aligner"]
    if not groups:
        raise PipelineError(
            "everything is frozen",
            where="sft",
            fix="Set one of sft.freeze_llm, freeze_vit, freeze_aligner to false.",
        )
    return [name for group in groups for name in linear_modules[group]]


def infer(
    settings: InferConfig,
    *,
    media: MediaConfig,
    device: Device,
    model: str,
    adapter: str | None,
    test: str,
    output: str,
) -> Arguments:
    """Arguments of `swift infer` over the test rows.

    Args:
        model: folder of the base or of the final model.
        adapter: folder of an adapter trained on `model`, or None.
        output: the raw result file.
    """
    arguments: Arguments = {
        **common(model, device),
        "infer_backend": settings.backend,
        "val_dataset": [test],
        "split_dataset_ratio": 0,
        "strict": True,
        "load_args": False,
        "temperature": settings.temperature,
        "max_new_tokens": settings.max_new_tokens,
        "max_batch_size": settings.batch_size,
        "stream": False,
        # Answers are on disk after each batch of this many rows, not only at the end.
        "write_batch_size": settings.batch_size * 8,
        "result_path": output,
    }
    if adapter:
        arguments["adapters"] = [adapter]
    if device == "cpu":
        arguments["device_map"] = "cpu"
    return as_text(arguments) | {"ENV": media_environment(media)}


def common(model: str, device: Device) -> Arguments:
    """What every command is told: the model, its kind, its type of numbers."""
    return {
        "model": model,
        "model_type": "qwen3_omni_moe",
        "template": "qwen3_omni",
        "torch_dtype": "float32" if device == "cpu" else "bfloat16",
    }


def refuse_owned(swift: Mapping[str, Any]) -> None:
    """Refuse flags of `sft.swift` that the config's own keys or the pipeline decide."""
    for name in swift:
        # ms-swift's reader knows most flags by more names: load-args, no_load_args.
        flag = name.replace("-", "_")
        if flag.removeprefix("no_") in {*KEYS, *FIXED, *UNMERGEABLE}:
            flag = flag.removeprefix("no_")
        if flag in KEYS:
            raise PipelineError(
                f"ms-swift's {flag} has a key of its own here",
                where=f"sft.swift.{name}",
                fix=f"Set {KEYS[flag]}.",
            )
        if flag in FIXED:
            raise PipelineError(
                f"{flag} is set by the pipeline, which relies on its value",
                where=f"sft.swift.{name}",
                fix="Remove it.",
            )
        if flag in UNMERGEABLE:
            raise PipelineError(
                f"a model trained with {flag} could not be merged",
                where=f"sft.swift.{name}",
                fix="Remove it.",
            )
        if swift[name] is None:
            raise PipelineError("there is no value", where=f"sft.swift.{name}", fix="Give one or remove the key.")


def as_text(arguments: Mapping[str, Any]) -> Arguments:
    """Values as ms-swift's reader takes them: booleans in lower case, list items as strings."""

    def text(value: Any) -> Any:
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, list | tuple):
            return [str(text(item)) for item in value]
        return value

    return {name: text(value) for name, value in arguments.items()}


def command_line(arguments: Mapping[str, Any]) -> list[str]:
    """The arguments as argv; a nested map becomes JSON, as ms-swift's own reader does it."""
    import json

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
