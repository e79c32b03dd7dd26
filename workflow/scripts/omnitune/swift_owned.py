"""ms-swift's flags that a stage's `swift:` may not set, since a key of the config or the pipeline itself does."""

from collections.abc import Mapping
from typing import Any

from omnitune import vllm_args
from omnitune.errors import PipelineError

# The config's key for each flag that has one; such a flag is not taken from a stage's `swift`.
# {stage} is sft or grpo.
KEYS = {
    "tuner_type": "{stage}.tuner",
    "num_train_epochs": "{stage}.epochs",
    "learning_rate": "{stage}.learning_rate",
    "lr_scheduler_type": "{stage}.lr_scheduler",
    "warmup_ratio": "{stage}.warmup_ratio",
    "weight_decay": "{stage}.weight_decay",
    "max_length": "{stage}.max_length",
    "per_device_train_batch_size": "{stage}.micro_batch",
    "per_device_eval_batch_size": "{stage}.micro_batch",
    "gradient_accumulation_steps": "{stage}.gradient_accumulation",
    "gradient_checkpointing": "{stage}.gradient_checkpointing",
    "deepspeed": "{stage}.deepspeed",
    "freeze_llm": "{stage}.freeze_llm",
    "freeze_vit": "{stage}.freeze_vit",
    "freeze_aligner": "{stage}.freeze_aligner",
    "eval_steps": "{stage}.eval_steps",
    "eval_strategy": "{stage}.eval_steps",
    "save_steps": "{stage}.save_steps",
    "save_total_limit": "{stage}.save_total_limit",
    "logging_steps": "{stage}.logging_steps",
    "dataloader_num_workers": "{stage}.dataloader_workers",
    "dataset_num_proc": "{stage}.dataset_workers",
    "seed": "{stage}.seed",
    "data_seed": "{stage}.seed",
    "freeze_parameters": "{stage}.freeze_vision and {stage}.freeze_audio",
    "target_modules": "{stage}.freeze_vit and {stage}.freeze_aligner",
    "target_parameters": "{stage}.lora.experts",
    "lora_rank": "{stage}.lora.rank",
    "lora_alpha": "{stage}.lora.alpha",
    "lora_dropout": "{stage}.lora.dropout",
    "model": "model.path",
    "use_hf": "model.hub",
    "model_revision": "model.revision",
    "dataset": "sources",
    "val_dataset": "split.val",
    "cached_dataset": "sources",
    "cached_val_dataset": "split.val",
    "system": "sources.NAME.system",
    "columns": "sources.NAME.columns",
    "split_dataset_ratio": "split.val",
    "max_pixels": "media.image_max_pixels",
    "model_kwargs": "media",
    "torch_dtype": "device",
    "use_cpu": "device",
    "fp16": "device",
    "bf16": "device",
}
# Those of `swift sft` besides: GRPO takes neither.
SFT_KEYS = {
    "group_by_length": "sft.group_by_length",
    "packing": "sft.packing",
    "padding_free": "sft.padding_free",
    "adapters": "sft.resume_adapter",
}
# Those of `swift rlhf` besides; `swift sft` has some of them too, where they mean nothing to the training.
GRPO_KEYS = {
    "reward_funcs": "grpo.rewards",
    "reward_weights": "grpo.rewards",
    "num_generations": "grpo.num_generations",
    "max_completion_length": "grpo.max_completion_length",
    "temperature": "grpo.temperature",
    "top_p": "grpo.top_p",
    "top_k": "grpo.top_k",
    "beta": "grpo.beta",
    "log_completions": "grpo.log_completions",
    "use_vllm": "grpo.rollout",
    "vllm_mode": "grpo.rollout",
    "vllm_gpu_memory_utilization": "grpo.vllm_gpu_memory_utilization",
    "vllm_tensor_parallel_size": "grpo.vllm_tensor_parallel_size",
    "sleep_level": "grpo.sleep_level",
    "offload_model": "grpo.offload_model",
    "offload_optimizer": "grpo.offload_optimizer",
    "move_model_batches": "grpo.move_model_batches",
    "loss_type": "grpo.algorithm",
    "advantage_estimator": "grpo.algorithm",
    "importance_sampling_level": "grpo.algorithm",
    "scale_rewards": "grpo.algorithm",
    "repetition_n_grams": "grpo.rewards.repetition.n",
    "repetition_max_penalty": "grpo.rewards.repetition.weight",
    "vllm_server_host": "grpo.server",
    "vllm_server_port": "grpo.server.port",
    "vllm_server_group_port": "grpo.server.port",
    "vllm_server_base_url": "grpo.server",
    "vllm_data_parallel_size": "grpo.server.gpus",
}
# Flags that change what an adapter is, or what trains, in ways that the merge and the contract do not know.
UNMERGEABLE = {
    "use_dora", "lora_bias", "modules_to_save", "init_weights", "target_regex",
    "tuner_backend", "use_galore", "lora_dtype", "trainable_parameters", "trainable_parameters_regex",
    "freeze_parameters_ratio", "freeze_parameters_regex",
}  # fmt: skip
# Flags by which ms-swift would make other rows of the files, or other tokens of the rows, than were checked and
# counted.
REWRITING = {
    "agent_template", "use_chat_template", "template_backend", "response_prefix", "norm_bbox",
    "new_special_tokens", "enable_thinking", "preserve_thinking", "add_non_thinking_prefix", "max_model_len",
    "lazy_tokenize", "dataloader_drop_last", "interleave_prob", "stopping_strategy", "custom_dataset_info",
    "disable_auto_column_mapping", "model_name", "model_author", "load_data_args", "task_type",
    "decision_drop_instructions", "decision_subsample_options", "decision_state_as_text",
    "decision_shuffle_fields", "chord_sft_dataset",
}  # fmt: skip
# Flags without a key: the pipeline's promises (resume, strictness, one folder a stage) hang on their values.
FIXED = {
    "model_type", "template", "output_dir", "add_version", "strict", "resume_from_checkpoint", "ENV",
    "check_model", "load_args", "create_checkpoint_symlink", "save_strategy", "max_steps", "streaming",
    "ddp_timeout", "ddp_backend", "resume_only_model", "save_only_model", "ignore_args_error",
    "use_flash_ckpt", "enable_jit_checkpoint", "load_best_model_at_end", "save_on_each_node",
    "max_epochs", "early_stop_interval", "callbacks", "auto_find_batch_size",
    "external_plugins", "custom_register_path", "adapters", "ref_adapters", "rlhf_type",
    "ref_model", "fsdp", "quant_bits", "quant_method", "push_to_hub", "ignore_data_skip", "group_by_length",
    "packing", "train_sampling_strategy", "length_column_name",
}  # fmt: skip


def refuse_owned(stage: str, swift: Mapping[str, Any]) -> None:
    """Refuse flags of a stage's `swift` that the config's own keys or the pipeline decide."""
    keys = KEYS | (GRPO_KEYS if stage == "grpo" else SFT_KEYS)
    if stage == "grpo":
        vllm_args.refuse_other_numbers("grpo.swift", swift)
    for name in swift:
        # ms-swift's reader knows most flags by more names: load-args, no_load_args.
        flag = name.replace("-", "_")
        if flag.removeprefix("no_") in {*keys, *FIXED, *UNMERGEABLE, *REWRITING}:
            flag = flag.removeprefix("no_")
        if flag in keys:
            raise PipelineError(
                f"ms-swift's {flag} has a key of its own here",
                where=f"{stage}.swift.{name}",
                fix=f"Set {keys[flag].format(stage=stage)}.",
            )
        if flag in FIXED:
            raise PipelineError(
                f"{flag} is set by the pipeline, which relies on its value",
                where=f"{stage}.swift.{name}",
                fix="Remove it.",
            )
        if flag in REWRITING:
            raise PipelineError(
                f"{flag} would change the rows, or how many tokens they are, after they were checked and counted",
                where=f"{stage}.swift.{name}",
                fix="Remove it.",
            )
        if flag in UNMERGEABLE:
            raise PipelineError(
                f"a model trained with {flag} could not be merged",
                where=f"{stage}.swift.{name}",
                fix="Remove it.",
            )
        if swift[name] is None:
            raise PipelineError(
                "there is no value", where=f"{stage}.swift.{name}", fix="Give one or remove the key."
            )
