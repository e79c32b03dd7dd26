"""ms-swift's arguments: the bash scripts' settings, the corrections to them, and nothing else."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from project import example

from omnitune import infer_args, recipes, supervisor, swift_args, swift_owned
from omnitune.config.infer import InferConfig
from omnitune.config.media import MediaConfig
from omnitune.config.sft import SftConfig
from omnitune.errors import PipelineError
from omnitune.model_parts import PARTS, Shapes

GOLDEN = Path(__file__).parents[1] / "data" / "golden"
LINEAR = {
    "llm": ["thinker.model.layers.0.self_attn.q_proj", "thinker.model.layers.1.self_attn.q_proj"],
    "vision": ["thinker.visual.blocks.0.attn.qkv"],
    "audio": ["thinker.audio_tower.layers.0.self_attn.q_proj"],
    "aligner": ["thinker.visual.merger.mlp.0", "thinker.audio_tower.proj1"],
}
SHAPES = Shapes(
    linear={group: {name: [64, 32] for name in names} for group, names in LINEAR.items()},
    experts={"thinker.model.layers.0.mlp.experts": [4, 16, 32]},
    parameters=dict.fromkeys(PARTS, 1000),
)
SEED_GPUS = {"lora": 4, "full": 8}


def render(keys: dict[str, Any] | None = None, *, recipe: str = "seed", device: str = "cuda", **changes) -> dict:
    settings = recipes.fill_sft(SftConfig(**keys or {}), recipe=recipe, gpu_memory_gib=80, device=device)
    return arguments_of(settings, **{"media": MediaConfig(), "device": device} | changes)


def arguments_of(settings: SftConfig, **changes) -> dict:
    places = {"model": "results/main/model/weights", "train": "results/main/split/train.jsonl"}
    places |= {"val": "results/main/split/val.jsonl", "output": "results/main/main/sft/checkpoints"}
    places |= {"plugins": ["workflow/scripts/trainer_plugin.py"]}
    return swift_args.sft(settings, **{"shapes": SHAPES} | places | changes)


def seed(tuner: str) -> dict:
    return render({"tuner": tuner})


# The bash scripts' settings, from their table in facts/seed.md. Paths are the user's own there.
BOTH = {
    "torch_dtype": "bfloat16",
    "per_device_train_batch_size": 1,
    "per_device_eval_batch_size": 1,
    "lr_scheduler_type": "cosine",
    "warmup_ratio": 0.05,
    "eval_steps": 100,
    "save_steps": 100,
    "logging_steps": 10,
    "dataloader_num_workers": 4,
    "dataset_num_proc": 4,
    "load_from_cache_file": "true",
    "freeze_vit": "true",
    "freeze_aligner": "true",
    "gradient_checkpointing": "true",
}
SCRIPT: dict[str, dict[str, Any]] = {
    "lora": BOTH
    | {
        "tuner_type": "lora",
        "lora_rank": 8,
        "lora_alpha": 32,
        "target_modules": ["all-linear"],
        "num_train_epochs": 3,
        "gradient_accumulation_steps": 4,
        "learning_rate": 1e-4,
        "max_length": 4096,
        "save_total_limit": 3,
        "deepspeed": "zero2",
    },
    "full": BOTH
    | {
        "tuner_type": "full",
        "num_train_epochs": 1,
        "gradient_accumulation_steps": 8,
        "learning_rate": 1e-5,
        "max_length": 2048,
        "save_total_limit": 2,
        "deepspeed": "zero3",
    },
}
SCRIPT_ENV = {
    "MAX_PIXELS": "1003520",
    "VIDEO_MAX_PIXELS": "50176",
    "FPS_MAX_FRAMES": "12",
    "ENABLE_AUDIO_OUTPUT": "0",
    "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True",
}

# What is not the scripts': flag -> our value. First the corrections of the design, ...
CORRECTED = {"target_modules": LINEAR["llm"]}  # all-linear reaches into the audio tower, frozen or not
# ... then flags that the scripts leave to ms-swift: its own default, spelt out for the record, ...
DEFAULTS = {
    "freeze_llm": "false",
    "weight_decay": 0.1,
    "lora_dropout": 0.05,
    "seed": 42,
    "data_seed": 42,
    "split_dataset_ratio": 0,
    "logging_first_step": "true",
    "save_strategy": "steps",
    "eval_strategy": "steps",  # as save_strategy
}
# ... and what the pipeline's promises hang on: names, one folder a stage, no row dropped in silence, no hang.
PROMISES = {
    "model": "results/main/model/weights",
    "dataset": ["results/main/split/train.jsonl"],
    "val_dataset": ["results/main/split/val.jsonl"],
    "output_dir": "results/main/main/sft/checkpoints",
    "model_type": "qwen3_omni_moe",
    "template": "qwen3_omni",
    "add_version": "false",
    "strict": "true",
    "check_model": "false",
    "report_to": ["none"],
    "ddp_timeout": 14400,
    "external_plugins": ["workflow/scripts/trainer_plugin.py"],
    "callbacks": ["omnitune"],
}
ENV = {
    # The same sizes by the names that ms-swift 4 reads: a token is 32 x 32 pixels.
    "IMAGE_MAX_TOKEN_NUM": "980",
    "VIDEO_MAX_TOKEN_NUM": "49",
    "FPS_MAX_FRAMES": "12",
    "ENABLE_AUDIO_OUTPUT": "0",
    # Corrected: with its default of 128 the video budget would be 137,625 pixels.
    "VIDEO_MIN_TOKEN_NUM": "4",
    # Promises: the same media in every stage and on every machine.
    "SAMPLING_RATE": "16000",
    "USE_AUDIO_IN_VIDEO": "False",
    "FORCE_QWENVL_VIDEO_READER": "decord",
    "SWIFT_AUDIO_LOAD_BACKEND": "soundfile_pyav",
}


@pytest.mark.parametrize("tuner", ["lora", "full"])
def test_recipe_seed_is_the_scripts_settings_and_the_listed_differences(tuner: str):
    arguments = seed(tuner)
    environment = arguments.pop("ENV")
    expected = SCRIPT[tuner] | DEFAULTS | PROMISES
    if tuner == "lora":
        expected |= CORRECTED
    else:
        del expected["lora_dropout"]
    assert arguments == expected
    assert environment == ENV


def test_the_scripts_environment_is_kept_under_the_names_that_count():
    """MAX_PIXELS and VIDEO_MAX_PIXELS are older names: ms-swift divides them by the pixels of a token."""
    found = ENV | supervisor.environment({})
    for name in ("FPS_MAX_FRAMES", "ENABLE_AUDIO_OUTPUT", "PYTORCH_CUDA_ALLOC_CONF"):
        assert found[name] == SCRIPT_ENV[name]
    assert int(SCRIPT_ENV["MAX_PIXELS"]) // 1024 == int(ENV["IMAGE_MAX_TOKEN_NUM"])
    assert int(SCRIPT_ENV["VIDEO_MAX_PIXELS"]) // 1024 == int(ENV["VIDEO_MAX_TOKEN_NUM"])


@pytest.mark.parametrize(
    ("key", "flags"),
    [
        ({"epochs": 7}, {"num_train_epochs": 7}),
        ({"learning_rate": 0.3}, {"learning_rate": 0.3}),
        ({"lr_scheduler": "linear"}, {"lr_scheduler_type": "linear"}),
        ({"warmup_ratio": 0.5}, {"warmup_ratio": 0.5}),
        ({"weight_decay": 0.7}, {"weight_decay": 0.7}),
        ({"max_length": 77}, {"max_length": 77}),
        ({"micro_batch": 2}, {"per_device_train_batch_size": 2, "per_device_eval_batch_size": 2}),
        ({"gradient_accumulation": 9}, {"gradient_accumulation_steps": 9}),
        ({"effective_batch": 32}, {"gradient_accumulation_steps": 8}),
        ({"gpus": 2, "effective_batch": 16}, {"gradient_accumulation_steps": 8}),
        ({"gradient_checkpointing": False}, {"gradient_checkpointing": "false"}),
        ({"deepspeed": "zero1"}, {"deepspeed": "zero1"}),
        ({"eval_steps": 7}, {"eval_steps": 7}),
        ({"save_steps": 7}, {"save_steps": 7}),
        ({"save_total_limit": 7}, {"save_total_limit": 7}),
        ({"logging_steps": 7}, {"logging_steps": 7}),
        ({"dataloader_workers": 7}, {"dataloader_num_workers": 7}),
        ({"dataset_workers": 7}, {"dataset_num_proc": 7}),
        ({"seed": 7}, {"seed": 7, "data_seed": 7}),
        ({"lora": {"rank": 7}}, {"lora_rank": 7}),
        ({"lora": {"alpha": 7}}, {"lora_alpha": 7}),
        ({"lora": {"dropout": 0.7}}, {"lora_dropout": 0.7}),
    ],
)
def test_a_key_changes_its_flag_and_no_other(key: dict, flags: dict):
    before, after = seed("lora"), render(key)
    assert {name: after[name] for name in after if after[name] != before.get(name)} == flags
    assert set(before) == set(after)


@pytest.mark.parametrize("tuner", ["lora", "full"])
def test_arguments_are_the_golden_file(tuner: str):
    """The example that stands for the script. To renew the file: json.dump(..., indent=2, sort_keys=True)."""
    config, experiment = example(f"sft_{tuner}")
    golden = json.loads((GOLDEN / f"sft_{tuner}.seed.args.json").read_bytes())
    assert arguments_of(experiment.sft, media=config.media, device=config.device) == golden


@pytest.mark.parametrize("tuner", ["lora", "full"])
def test_the_effective_batch_is_that_of_the_scripts_in_both_recipes(tuner: str):
    for recipe in ("seed", "fast"):
        arguments = render({"tuner": tuner}, recipe=recipe)
        rows = arguments["per_device_train_batch_size"] * arguments["gradient_accumulation_steps"]
        assert rows * SEED_GPUS[tuner] == {"lora": 16, "full": 64}[tuner]


def test_fast_differs_from_seed_in_the_batch_and_the_loader_only():
    fast, slow = render(recipe="fast"), render()
    assert {name for name in fast | slow if fast.get(name) != slow.get(name)} <= {
        "per_device_train_batch_size",
        "per_device_eval_batch_size",
        "gradient_accumulation_steps",
        "gradient_checkpointing",
        "dataloader_num_workers",
    }


def test_a_cpu_trains_in_float32_without_deepspeed():
    arguments = render(device="cpu")
    assert arguments["torch_dtype"] == "float32"
    assert (arguments["use_cpu"], arguments["fp16"], arguments["bf16"]) == ("true", "false", "false")
    assert "deepspeed" not in arguments
    assert "deepspeed" not in render({"deepspeed": "none"})
    assert "ddp_backend" not in arguments


def test_processes_on_a_cpu_speak_through_gloo_with_deepspeed_when_asked():
    arguments = render({"processes": 2}, device="cpu")
    assert (arguments["ddp_backend"], arguments.get("deepspeed")) == ("gloo", None)
    arguments = render({"processes": 2, "deepspeed": "zero2"}, device="cpu")
    assert (arguments["ddp_backend"], arguments["deepspeed"]) == ("gloo", "zero2")
    assert (arguments["fp16"], arguments["bf16"]) == ("false", "false")


def test_without_val_nothing_is_evaluated():
    arguments = render(val=None)
    assert arguments["eval_strategy"] == "no"
    assert not {"val_dataset", "eval_steps"} & set(arguments)


@pytest.mark.parametrize(("key", "other"), [("group_by_length", "packing"), ("packing", "group_by_length")])
def test_a_training_by_length_takes_cached_rows_in_the_place_of_files(key: str, other: str):
    plain, found = render(), render({key: True})
    assert (found.pop(key), found.pop(other)) == ("true", "false")
    assert found.pop("cached_dataset") == plain.pop("dataset")
    assert found.pop("cached_val_dataset") == plain.pop("val_dataset")
    assert found == plain
    assert not {"cached_val_dataset", "eval_steps"} & set(render({key: True}, val=None))


@pytest.mark.parametrize(
    ("keys", "groups"),
    [
        ({}, ["llm"]),
        ({"freeze_vit": False}, ["llm", "vision", "audio"]),
        ({"freeze_aligner": False}, ["llm", "aligner"]),
        ({"freeze_audio": False}, ["llm", "audio"]),
        ({"freeze_vision": False, "freeze_llm": True}, ["vision"]),
        ({"freeze_vit": False, "freeze_aligner": False}, ["llm", "vision", "audio", "aligner"]),
    ],
)
def test_an_adapter_reaches_every_linear_layer_of_what_is_not_frozen(keys, groups):
    assert render(keys)["target_modules"] == [name for group in groups for name in sorted(LINEAR[group])]
    assert "target_modules" not in render({"tuner": "full"} | keys)


@pytest.mark.parametrize(
    ("keys", "vit", "frozen"),
    [
        ({}, "true", None),
        ({"freeze_vit": False}, "false", None),
        ({"freeze_vision": False}, "false", ["thinker.audio_tower."]),
        ({"freeze_audio": False}, "false", ["thinker.visual."]),
        ({"freeze_vit": False, "freeze_vision": True}, "false", ["thinker.visual."]),
        ({"freeze_vision": False, "freeze_audio": False}, "false", None),
    ],
)
def test_one_tower_is_frozen_by_its_prefix_where_all_weights_train(keys, vit, frozen):
    arguments = render({"tuner": "full"} | keys)
    assert (arguments["freeze_vit"], arguments.get("freeze_parameters")) == (vit, frozen)
    assert "freeze_parameters" not in render(keys)


def test_everything_frozen_is_refused():
    with pytest.raises(PipelineError, match="everything is frozen"):
        render({"freeze_llm": True})


def test_experts_are_named_in_full():
    arguments = render({"lora": {"experts": True, "dropout": 0}})
    experts = "thinker.model.layers.0.mlp.experts"
    assert arguments["target_parameters"] == [f"{experts}.gate_up_proj", f"{experts}.down_proj"]
    assert arguments["target_modules"] == LINEAR["llm"]
    with pytest.raises(PipelineError, match="the base has no experts"):
        render({"lora": {"experts": True}}, shapes=replace(SHAPES, experts={}))


def test_an_adapter_is_trained_on():
    assert render({"resume_adapter": "results/a/main/sft/model"})["adapters"] == ["results/a/main/sft/model"]


def test_rows_are_not_padded_where_there_is_a_flash_attention():
    arguments = render(recipe="fast", attention="flash_attention_2")
    assert (arguments["padding_free"], arguments["attn_impl"]) == ("true", "flash_attention_2")
    assert "padding_free" not in render(recipe="fast")


@pytest.mark.parametrize(
    ("media", "image", "video"),
    [
        ({}, "980", "49"),
        ({"image_max_pixels": 4096, "video_max_pixels": 4096}, "4", "4"),
        ({"video_max_pixels": 602112}, "980", "588"),
    ],
)
def test_the_video_budget_is_what_was_asked_for(media, image, video):
    environment = swift_args.media_environment(MediaConfig(**media))
    assert (environment["IMAGE_MAX_TOKEN_NUM"], environment["VIDEO_MAX_TOKEN_NUM"]) == (image, video)
    # The reader takes max(maximum, 1.05 x minimum) pixels.
    assert int(video) >= int(environment["VIDEO_MIN_TOKEN_NUM"])


@pytest.mark.parametrize("field", [name for name in MediaConfig.model_fields if name != "roots"])
def test_every_media_setting_reaches_the_environment(field: str):
    value = getattr(MediaConfig(), field)
    changed = MediaConfig(**{field: True if value is False else value * 2})
    assert swift_args.media_environment(changed) != swift_args.media_environment(MediaConfig())


def test_training_and_inference_see_media_alike():
    media = MediaConfig(video_max_frames=6)
    inferred = infer_args.infer(
        InferConfig(), media=media, device="cuda", model="m", adapter=None, test="t", output="o"
    )
    assert inferred["ENV"] == render(media=media)["ENV"]


@pytest.mark.parametrize(("device", "adapter"), [("cuda", None), ("cpu", "sft/model")])
def test_arguments_of_inference(device, adapter):
    settings = InferConfig(batch_size=4, max_new_tokens=9, temperature=0.5)
    arguments = infer_args.infer(
        settings, media=MediaConfig(), device=device, model="m", adapter=adapter, test="t.jsonl", output="r.jsonl"
    )
    del arguments["ENV"]
    expected = {
        "model": "m",
        "model_type": "qwen3_omni_moe",
        "template": "qwen3_omni",
        "torch_dtype": "bfloat16",
        "infer_backend": "transformers",
        "val_dataset": ["t.jsonl"],
        "split_dataset_ratio": 0,
        "strict": "true",
        "load_args": "false",
        "temperature": 0.5,
        "max_new_tokens": 9,
        "max_batch_size": 4,
        "stream": "false",
        "write_batch_size": 32,
        "result_path": "r.jsonl",
    }
    if device == "cpu":
        expected |= {"torch_dtype": "float32", "device_map": "cpu", "adapters": ["sft/model"]}
    assert arguments == expected


REWRITES = " would change the rows, or how many tokens they are, after they were checked and counted. Remove it."


def test_other_flags_go_through_and_stand_over_ours():
    arguments = render({"swift": {"tf32": True, "report_to": ["tensorboard"], "loss_scale": "default"}})
    assert (arguments["tf32"], arguments["report_to"]) == ("true", ["tensorboard"])
    assert arguments["loss_scale"] == "default"


@pytest.mark.parametrize(
    ("flag", "sentence"),
    [
        ("learning_rate", "ms-swift's learning_rate has a key of its own here. Set sft.learning_rate."),
        ("lora-rank", "ms-swift's lora_rank has a key of its own here. Set sft.lora.rank."),
        ("no_freeze_vit", "ms-swift's freeze_vit has a key of its own here. Set sft.freeze_vit."),
        ("no-gradient-checkpointing", "ms-swift's gradient_checkpointing has a key of its own here. "
         "Set sft.gradient_checkpointing."),
        ("eval_strategy", "ms-swift's eval_strategy has a key of its own here. Set sft.eval_steps."),
        ("max_pixels", "ms-swift's max_pixels has a key of its own here. Set media.image_max_pixels."),
        ("model_kwargs", "ms-swift's model_kwargs has a key of its own here. Set media."),
        ("system", "ms-swift's system has a key of its own here. Set sources.NAME.system."),
        ("cached-dataset", "ms-swift's cached_dataset has a key of its own here. Set sources."),
        ("target_parameters", "ms-swift's target_parameters has a key of its own here. Set sft.lora.experts."),
        ("adapters", "ms-swift's adapters has a key of its own here. Set sft.resume_adapter."),
        ("padding-free", "ms-swift's padding_free has a key of its own here. Set sft.padding_free."),
        ("packing", "ms-swift's packing has a key of its own here. Set sft.packing."),
        ("group_by_length", "ms-swift's group_by_length has a key of its own here. Set sft.group_by_length."),
        *((flag, f"{flag}{REWRITES}") for flag in ("agent_template", "norm_bbox", "lazy_tokenize")),
        ("dataloader-drop-last", f"dataloader_drop_last{REWRITES}"),
        ("no-add-non-thinking-prefix", f"add_non_thinking_prefix{REWRITES}"),
        ("strict", "strict is set by the pipeline, which relies on its value. Remove it."),
        ("add-version", "add_version is set by the pipeline, which relies on its value. Remove it."),
        ("no_add_version", "add_version is set by the pipeline, which relies on its value. Remove it."),
        ("ENV", "ENV is set by the pipeline, which relies on its value. Remove it."),
        ("use_dora", "a model trained with use_dora could not be merged. Remove it."),
        ("use-dora", "a model trained with use_dora could not be merged. Remove it."),
    ],
)  # fmt: skip
def test_a_flag_that_is_decided_elsewhere_is_refused_under_all_its_names(flag: str, sentence: str):
    with pytest.raises(PipelineError) as refused:
        render({"swift": {flag: True}})
    assert str(refused.value) == f"sft.swift.{flag}: {sentence}"
    assert refused.value.code == 78


def test_a_flag_without_a_value_is_refused():
    with pytest.raises(PipelineError) as refused:
        render({"swift": {"loss_scale": None}})
    assert str(refused.value) == "sft.swift.loss_scale: there is no value. Give one or remove the key."


def test_every_flag_that_is_ours_is_refused_in_swift():
    free = {
        "report_to",
        "load_from_cache_file",
        "logging_first_step",
        "dataloader_persistent_workers",
    }
    ours = set(render()) | set(render({"tuner": "full"})) | set(render(device="cpu"))
    owned = set(swift_owned.KEYS) | swift_owned.FIXED
    assert ours - owned == free


def test_an_arguments_file_is_flat_and_has_no_null():
    for arguments in (seed("lora"), render(device="cpu", val=None), render({"swift": {"x": {"a": True}}})):
        for name, value in arguments.items():
            assert value is not None
            assert not isinstance(value, bool)
            if isinstance(value, list):
                assert all(isinstance(item, str) for item in value)
            assert isinstance(value, str | int | float | list) or name in ("ENV", "x")


def test_the_command_line_is_the_arguments_file():
    arguments = {"a": ["x", "y z"], "b": 1e-05, "c": "true", "d": {"k": "ü", "n": True}, "ENV": {"e": "1"}}
    assert swift_args.command_line(arguments) == [
        *("--a", "x", "y z"),
        *("--b", "1e-05"),
        *("--c", "true"),
        *("--d", '{"k": "ü", "n": true}'),
    ]


def test_the_best_checkpoint_needs_rows_that_it_is_the_best_on():
    with pytest.raises(PipelineError, match=r"no row fell to val"):
        render({"publish": "best"}, val=None)
    assert render({"publish": "best"}) == render(), "the training is the same"
