"""Arguments of GRPO: the two scripts' settings, the corrections to them, and nothing else."""

import json
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
from project import example

from omnitune import algorithms, recipes, rollout_args, swift_args, swift_owned
from omnitune.config.grpo import Algorithm, GrpoConfig
from omnitune.config.media import MediaConfig
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
ADAPTER = "results/main/main/sft/model"
PLUGINS = [f"workflow/scripts/{name}_plugin.py" for name in ("trainer", "reward", "rollout")]


def filled(keys: dict[str, Any], *, recipe: str = "seed", device: str = "cuda") -> GrpoConfig:
    return recipes.fill_grpo(GrpoConfig(**keys), recipe=recipe, gpu_memory_gib=80, device=device)


def render(
    keys: dict[str, Any], *, recipe: str = "seed", device: str = "cuda", adapter: str | None = None
) -> dict:
    return arguments_of(filled(keys, recipe=recipe, device=device), MediaConfig(), device, adapter)


def arguments_of(settings: GrpoConfig, media: MediaConfig, device: str, adapter: str | None = None) -> dict:
    return swift_args.grpo(
        settings,
        media=media,
        device=device,
        model="results/main/model/weights",
        adapter=adapter,
        shapes=SHAPES,
        prompts="results/main/split/grpo.jsonl",
        plugins=PLUGINS,
        output="results/main/main/grpo/checkpoints",
    )


# What qwen3_omni_grpo.sh and qwen3_omni_grpo_vllm.sh set; paths are the user's own there.
BOTH = {
    "rlhf_type": "grpo",
    "tuner_type": "lora",
    "lora_rank": 8,
    "lora_alpha": 32,
    "target_modules": ["all-linear"],
    "torch_dtype": "bfloat16",
    "num_train_epochs": 1,
    "learning_rate": 1e-5,
    "warmup_ratio": 0.05,
    "eval_steps": 100,
    "save_steps": 100,
    "save_total_limit": 2,
    "logging_steps": 5,
    "dataloader_num_workers": 4,
    "dataset_num_proc": 4,
    "load_from_cache_file": "true",
    "deepspeed": "zero2",
    "reward_funcs": ["format"],
    "reward_weights": ["1.0"],
    "max_completion_length": 2048,
    "temperature": 1.0,
    "top_p": 0.99,
    "top_k": 50,
    "log_completions": "true",
}
SCRIPT: dict[str, dict[str, Any]] = {
    "transformers": BOTH
    | {
        "per_device_train_batch_size": 1,
        "per_device_eval_batch_size": 1,
        "gradient_accumulation_steps": 2,
        "max_length": 4096,
        "num_generations": 4,
    },
    "colocate": BOTH
    | {
        "per_device_train_batch_size": 2,
        "per_device_eval_batch_size": 2,
        "gradient_accumulation_steps": 1,
        "max_length": 8192,
        "num_generations": 8,
        "use_vllm": "true",
        "vllm_mode": "colocate",
        "vllm_gpu_memory_utilization": 0.5,
        # Not in the script: vLLM sets memory aside for the longest text, not for the model's own limit.
        "vllm_max_model_len": 8192 + 2048,
    },
}
NAMES = {"transformers": "grpo", "colocate": "grpo_vllm"}

CORRECTED = {"target_modules": LINEAR["llm"]}  # all-linear reaches into the audio tower, frozen or not
# Flags that the scripts leave to ms-swift: its own default, spelt out for the record, ...
DEFAULTS = {
    "lr_scheduler_type": "cosine",
    "gradient_checkpointing": "true",
    "freeze_llm": "false",
    "freeze_vit": "true",
    "freeze_aligner": "true",
    "weight_decay": 0.1,
    "lora_dropout": 0.05,
    "seed": 42,
    "data_seed": 42,
    "split_dataset_ratio": 0,
    "logging_first_step": "true",
    "save_strategy": "steps",
    "eval_strategy": "no",  # there are no validation rows
}
# ... and what the pipeline's promises hang on; rewards are ours to register, and the rollout ours to check.
PROMISES = {
    "model": "results/main/model/weights",
    "dataset": ["results/main/split/grpo.jsonl"],
    "external_plugins": PLUGINS,
    "callbacks": ["omnitune"],
    "output_dir": "results/main/main/grpo/checkpoints",
    "model_type": "qwen3_omni_moe",
    "template": "qwen3_omni",
    "add_version": "false",
    "strict": "true",
    "check_model": "false",
    "report_to": ["none"],
    "ddp_timeout": 14400,
}


@pytest.mark.parametrize("rollout", NAMES)
def test_recipe_seed_is_the_scripts_settings_and_the_listed_differences(rollout: str):
    arguments = render({"rollout": rollout})
    environment = arguments.pop("ENV")
    assert arguments == {"use_vllm": "false"} | SCRIPT[rollout] | DEFAULTS | PROMISES | CORRECTED
    # The scripts turn audio output on, which ZeRO-3 and sft do not bear: one value for all stages.
    assert environment["ENABLE_AUDIO_OUTPUT"] == "0"


@pytest.mark.parametrize("rollout", NAMES)
def test_arguments_are_the_golden_file(rollout: str):
    """The example that stands for the script. To renew the file: json.dump(..., indent=2, sort_keys=True)."""
    config, experiment = example(NAMES[rollout])
    golden = json.loads((GOLDEN / f"{NAMES[rollout]}.seed.args.json").read_bytes())
    assert experiment.policy == "base"  # as in the scripts
    assert arguments_of(experiment.grpo, config.media, config.device) == golden


@pytest.mark.parametrize("recipe", ["seed", "fast"])
@pytest.mark.parametrize("rollout", NAMES)
def test_eight_completions_a_step_in_both_recipes(rollout: str, recipe: str):
    arguments = render({"rollout": rollout}, recipe=recipe)
    assert arguments["per_device_train_batch_size"] * arguments["gradient_accumulation_steps"] * 4 == 8


@pytest.mark.parametrize(
    ("key", "flags"),
    [
        ({"num_generations": 2}, {"num_generations": 2}),
        ({"max_completion_length": 7}, {"max_completion_length": 7}),
        ({"temperature": 0.7}, {"temperature": 0.7}),
        ({"top_p": 0.5}, {"top_p": 0.5}),
        ({"top_k": 7}, {"top_k": 7}),
        ({"log_completions": False}, {"log_completions": "false"}),
        ({"rewards": {"a": 1, "b": -0.5}}, {"reward_funcs": ["a", "b"], "reward_weights": ["1.0", "-0.5"]}),
    ],
)
def test_a_key_changes_its_flag_and_no_other(key: dict[str, Any], flags: dict[str, Any]):
    before, after = render({}), render(key)
    assert {name: after[name] for name in after if after[name] != before.get(name)} == flags


@pytest.mark.parametrize("algorithm", algorithms.FLAGS)
def test_an_algorithm_sets_its_flags_and_no_other(algorithm: str):
    before, after = render({}), render({"algorithm": algorithm})
    changed = {name: after[name] for name in after if after[name] != before.get(name)}
    assert changed == swift_args.as_text(algorithms.FLAGS[algorithm])
    assert before.keys() <= after.keys()


def test_every_algorithm_of_the_config_is_known():
    assert tuple(algorithms.FLAGS) == get_args(Algorithm)


def test_a_users_value_wins_over_the_algorithms():
    chosen = {"algorithm": "dapo", "beta": 0.01, "swift": {"epsilon_high": 0.3, "dynamic_sample": False}}
    arguments = render(chosen)
    assert (arguments["beta"], arguments["epsilon_high"], arguments["dynamic_sample"]) == (0.01, 0.3, "false")
    with pytest.raises(PipelineError, match=r"grpo\.swift\.loss_type: .*Set grpo\.algorithm\."):
        render({"swift": {"loss_type": "dapo"}})


@pytest.mark.swift
def test_ms_swift_knows_what_algorithms_set():
    import inspect

    from swift.rlhf_trainers import grpo_trainer
    from swift.rlhf_trainers.args_mixin import GRPOArgumentsMixin

    hints = get_type_hints(GRPOArgumentsMixin)
    trainer = inspect.getsource(grpo_trainer)
    for flags in algorithms.FLAGS.values():
        for name, value in flags.items():
            if name == "loss_type":
                assert f"'{value}'" in trainer
            elif name != "beta":
                kinds = [kind for kind in (hints[name], *get_args(hints[name])) if get_origin(kind) is Literal]
                assert all(value in get_args(kind) for kind in kinds), name
                assert kinds or isinstance(value, float | bool)


@pytest.mark.parametrize(
    ("key", "flags"),
    [
        ({"vllm_tensor_parallel_size": 2}, {"vllm_tensor_parallel_size": 2}),
        ({"sleep_level": 1}, {"sleep_level": 1}),
        ({"offload_model": True}, {"offload_model": "true"}),
        ({"offload_optimizer": True}, {"offload_optimizer": "true"}),
        ({"move_model_batches": 16}, {"move_model_batches": 16}),
    ],
)
def test_how_vllm_shares_the_gpus(key: dict[str, Any], flags: dict[str, Any]):
    before, after = render({"rollout": "colocate"}), render({"rollout": "colocate"} | key)
    assert after == before | flags
    assert render(key) == render({})  # there is no vLLM


def test_the_policy_is_not_moved_away_from_ddp():
    keys = {"rollout": "colocate", "offload_model": True, "deepspeed": "none"}
    assert render(keys | {"gpus": 1})["offload_model"] == "true"
    with pytest.raises(PipelineError) as refused:
        render(keys | {"gpus": 2})
    assert refused.value.where == "grpo.offload_model"
    assert "averaged" in refused.value.what


def test_beta_is_ms_swifts_unless_it_is_set():
    assert "beta" not in render({})
    assert render({"beta": 0})["beta"] == 0


def test_the_reward_file_reaches_the_plugin():
    assert render({"reward_file": "mine.py"})["ENV"]["OMNITUNE_REWARD_FILE"] == "mine.py"
    assert "OMNITUNE_REWARD_FILE" not in render({})["ENV"]


def test_options_of_rewards_reach_the_plugin():
    arguments = render({"rewards": {"accuracy": 1, "length": {"weight": 0.2, "most": 9}, "own": {"by": [1, "ä"]}}})
    assert (arguments["reward_funcs"], arguments["reward_weights"]) == (
        ["accuracy", "length", "own"],
        ["1.0", "0.2", "1.0"],
    )
    assert arguments["ENV"]["OMNITUNE_REWARD_OPTIONS"] == '{"length": {"most": 9}, "own": {"by": [1, "ä"]}}'
    assert "OMNITUNE_REWARD_OPTIONS" not in render({})["ENV"]


def test_the_adapter_of_sft_is_trained_on_and_held_against():
    before, after = render({}), render({}, adapter=ADAPTER)
    assert after == before | {"adapters": [ADAPTER], "ref_adapters": [ADAPTER]}


def test_groups_must_be_whole():
    with pytest.raises(PipelineError, match=r"effective_batch 8 holds no whole groups of num_generations 3"):
        render({"enabled": True, "num_generations": 3})
    render({"num_generations": 3})  # not enabled: no matter


def test_what_has_a_key_is_not_taken_as_a_flag():
    with pytest.raises(PipelineError, match=r"grpo\.swift\.num_generations: .*Set grpo\.num_generations\."):
        render({"swift": {"num_generations": 2}})
    # A flag of generation means nothing to sft, and has no key there.
    swift_owned.refuse_owned("sft", {"temperature": 0.5})
    with pytest.raises(PipelineError, match=r"Set grpo\.learning_rate\."):
        render({"swift": {"learning_rate": 2}})


SERVER = {
    "model": "results/main/model/weights",
    "model_type": "qwen3_omni_moe",
    "template": "qwen3_omni",
    "external_plugins": ["workflow/scripts/rollout_plugin.py"],
    "load_args": "false",
    "host": "127.0.0.1",
    "verbose": "false",
    "log_interval": -1,
    "log_level": "info",
    "vllm_gpu_memory_utilization": 0.9,
    "vllm_max_model_len": 8192 + 2048,
}


def server(keys: dict[str, Any], device: str = "cuda") -> dict:
    return rollout_args.rollout(
        filled({"rollout": "server", **keys}, device=device),
        media=MediaConfig(),
        device=device,
        model="results/main/model/weights",
        plugins=["workflow/scripts/rollout_plugin.py"],
    )


@pytest.mark.parametrize(
    ("device", "keys", "special"),
    [
        (
            "cuda",
            {"gpus": 4, "tensor_parallel": 2, "swift": {"vllm_max_num_seqs": 64}},
            {"torch_dtype": "bfloat16", "vllm_tensor_parallel_size": 2, "vllm_data_parallel_size": 2}
            | {"vllm_max_num_seqs": 64},
        ),
        (
            "cpu",
            {},
            {"torch_dtype": "float32", "vllm_tensor_parallel_size": 1, "vllm_data_parallel_size": 1}
            | {"vllm_enforce_eager": "true"},
        ),
    ],
)
def test_arguments_of_the_server_that_samples(device: str, keys: dict[str, Any], special: dict[str, Any]):
    arguments = server({"server": keys}, device)
    environment = arguments.pop("ENV")
    assert arguments == SERVER | special
    # Whatever sizes the media of the one sizes them for the other.
    trainer = render({"rollout": "server"}, device=device)["ENV"]
    assert environment.items() <= trainer.items()
    assert environment.items() >= swift_args.media_environment(MediaConfig()).items()


def test_a_training_with_a_server_is_told_of_its_arguments_and_not_of_its_port():
    settings = filled({"rollout": "server"})
    arguments = swift_args.grpo(
        settings, media=MediaConfig(), device="cuda", model="m", adapter=None, shapes=SHAPES,
        prompts="p", plugins=[], output="o", server="results/main/main/grpo/rollout.json",
    )  # fmt: skip
    assert arguments["vllm_mode"] == "server"
    assert arguments["ENV"]["OMNITUNE_ROLLOUT"] == "results/main/main/grpo/rollout.json"
    assert not [name for name in arguments if name.startswith("vllm_server")]
    assert "vllm_max_model_len" not in arguments, "it is the server's"


@pytest.mark.parametrize("flag", ["port", "vllm-max-model-len", "external_plugins", "model"])
def test_what_the_server_hangs_on_is_refused_in_its_swift(flag: str):
    with pytest.raises(PipelineError, match=rf"grpo\.server\.swift\.{flag}: it is set by the pipeline\."):
        rollout_args.refuse_owned({flag: 1})
    rollout_args.refuse_owned({"vllm_max_num_seqs": 1})


@pytest.mark.parametrize(
    "swift",
    [
        {"vllm_engine_kwargs": {"dtype": "float16"}},
        {"vllm-engine-kwargs": '{"seed": 1, "quantization": "fp8"}'},
        {"vllm_quantization": "fp8"},
    ],
)
def test_what_samples_computes_in_no_other_numbers(swift: dict[str, object]):
    told = (
        r"(dtype|quantization) is set by the pipeline: what samples computes as what is trained does\. Remove it"
    )
    with pytest.raises(PipelineError, match=rf"grpo\.server\.swift\.{next(iter(swift))}: {told}"):
        rollout_args.refuse_owned(swift)
    with pytest.raises(PipelineError, match=rf"grpo\.swift\.{next(iter(swift))}: {told}"):
        swift_owned.refuse_owned("grpo", swift)
    for other in ({"seed": 1}, '{"seed": 1}', "no JSON", "[1]"):
        rollout_args.refuse_owned({"vllm_engine_kwargs": other})
