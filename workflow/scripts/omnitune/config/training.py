"""What `sft:` and `grpo:` have in common."""

from typing import Any, Literal

from pydantic import Field

from omnitune.config.base import Positive, PositiveNumber, Section, Share

Schedule = Literal[
    "cosine", "linear", "constant", "constant_with_warmup", "cosine_with_restarts", "cosine_with_min_lr",
    "polynomial", "inverse_sqrt", "warmup_stable_decay",
]  # fmt: skip


class LoraConfig(Section):
    """Shape of the adapter; read when `tuner` is lora."""

    rank: Positive = Field(8, description="Rank r of the update.")
    alpha: Positive = Field(32, description="The update is scaled by alpha / rank.")
    dropout: Share = Field(0.05, le=0.9, description="Dropout on the adapter's input; 0 with `experts`.")
    experts: bool = Field(
        False,
        description="Adapt the experts of the text model too, which are most of its weights. Each has an update "
        "of its own; `dropout` must be 0.",
    )


class TrainingConfig(Section):
    """One training; a null takes the recipe's value."""

    enabled: bool = Field(True, description="Run the stage.")
    tuner: Literal["lora", "full"] = Field(
        "lora", description="Train an adapter, or all weights that are not frozen."
    )
    gpus: Positive | None = Field(
        None, le=1024, description="GPUs of the job, one process each; none with `device: cpu`."
    )
    processes: Positive | None = Field(
        None, le=64, description="Processes that share a training with `device: cpu`; refused with GPUs."
    )
    epochs: PositiveNumber | None = Field(None, description="Passes over the training rows.")
    learning_rate: PositiveNumber | None = Field(None, description="Peak learning rate.")
    lr_scheduler: Schedule | None = Field(None, description="Schedule after the warm-up.")
    warmup_ratio: Share | None = Field(None, description="Share of the steps with rising learning rate.")
    weight_decay: float = Field(0.1, ge=0, strict=False, description="AdamW's weight decay.")
    max_length: Positive | None = Field(None, description="Tokens of a row, media included, at most.")
    effective_batch: Positive | None = Field(
        None,
        description="Rows of one optimizer step over all processes; fixes `gradient_accumulation` when that is "
        "null.",
    )
    micro_batch: Positive | None = Field(None, description="Rows of one forward pass of one process.")
    gradient_accumulation: Positive | None = Field(None, description="Forward passes of one optimizer step.")
    gradient_checkpointing: bool | None = Field(None, description="Compute activations twice to save memory.")
    deepspeed: Literal["zero0", "zero1", "zero2", "zero3", "zero2_offload", "zero3_offload", "none"] | None = (
        Field(
            None,
            description="DeepSpeed preset; `none` trains with plain DDP. "
            "With `device: cpu` it is read only when `processes` is set.",
        )
    )
    freeze_llm: bool = Field(False, description="Keep the text model as it is.")
    freeze_vit: bool | None = Field(None, description="Keep the vision and the audio tower as they are.")
    freeze_vision: bool | None = Field(
        None, description="The same for the vision tower; null follows `freeze_vit`."
    )
    freeze_audio: bool | None = Field(None, description="The same for the audio tower; null follows `freeze_vit`.")
    freeze_aligner: bool | None = Field(
        None, description="Keep the projections from the towers to the text model."
    )
    eval_steps: Positive | None = Field(None, description="Steps between two evaluations on val.")
    save_steps: Positive | None = Field(
        None, description="Steps between two checkpoints: a killed job loses at most these."
    )
    save_total_limit: Positive | None = Field(None, ge=2, description="Checkpoints kept.")
    logging_steps: Positive | None = Field(None, description="Steps between two log lines.")
    dataloader_workers: int | None = Field(None, ge=0, description="Processes per GPU that read and decode media.")
    dataset_workers: Positive | None = Field(None, description="Processes that map the rows at the start.")
    on_oom: Literal["stop", "shrink"] = Field(
        "stop",
        description="When GPU memory is used up: `stop`, or `shrink` the micro-batch at the same effective batch, "
        "then turn on gradient checkpointing, and go on from the last checkpoint.",
    )
    on_not_finite: Literal["stop", "retry"] = Field(
        "stop",
        description="When a loss, gradient or weight is NaN or infinite: `stop`, or `retry` from the last "
        "checkpoint, once for each step. Such a model is never published.",
    )
    seed: int = Field(42, ge=0, description="Seed of the initialisation and of the order of rows.")
    lora: LoraConfig = Field(LoraConfig(), description="Shape of the adapter.")
    swift: dict[str, Any] = Field(
        {}, description="Any other flag of ms-swift's command, by its own name; checked."
    )
