"""Values -> the checked config and its experiments; mistakes told all at once, by file and key."""

import inspect
from pathlib import Path
from typing import Any

import pytest
import yaml

from omnitune.config.load import filled_pretrain, load
from omnitune.config.model import is_hub_id
from omnitune.config.rewards import OPTIONS
from omnitune.errors import PipelineError
from omnitune.rewards import REWARDS

Values = dict[str, Any]


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    Path("data/a.jsonl").touch()
    Path("base").mkdir()


def config(**changes: Any) -> Values:
    values = {"model": {"path": "base"}, "sources": {"a": {"format": "messages", "path": "data/a.jsonl"}}}
    return values | changes


def refused(values: Values, files: list[str] | None = None) -> list[str]:
    """The sentences of the refusal."""
    with pytest.raises(PipelineError) as caught:
        load(values, files or [])
    assert caught.value.code == 78
    return str(caught.value).split("\n")


def write(name: str, values: Values) -> str:
    Path(name).write_text(yaml.safe_dump(values))
    return name


def test_defaults_fill_what_is_not_set():
    found, (experiment,) = load(config())
    assert (found.run, found.device, found.recipe) == ("main", "cuda", "fast")
    assert experiment.name == "main"
    assert experiment.sft.learning_rate == 1e-4
    assert experiment.merge.enabled


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_this_machine_may_reach_its_own_server(host: str):
    load(config(deploy={"host": host}))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "gpu-box", "localhost.example.org"])
def test_others_reach_the_server_only_when_the_config_says_so(host: str):
    assert refused(config(deploy={"host": host}))
    load(config(deploy={"host": host, "expose": True}))


def test_a_loaded_config_cannot_be_changed():
    found, _ = load(config())
    with pytest.raises(ValueError, match="frozen"):
        found.run = "other"


def test_whole_numbers_are_numbers_too():
    """YAML reads `1e-4` as text."""
    _, (experiment,) = load(config(sft={"epochs": 1, "learning_rate": "1e-4", "warmup_ratio": 0}))
    assert (experiment.sft.epochs, experiment.sft.learning_rate, experiment.sft.warmup_ratio) == (1, 1e-4, 0)


def test_all_mistakes_are_told_at_once():
    values = config(sft={"learning_rat": 1, "gpus": 0}, nonsense={}, recipe="slow")
    *told, unknown = refused(values)
    assert told == [
        "recipe is 'slow'; it must be 'fast' or 'seed'.",
        "sft.gpus is 0; it must be greater than or equal to 1.",
        "sft.learning_rat is not a setting. Did you mean sft.learning_rate?",
    ]
    assert unknown.startswith(
        "nonsense is not a setting. Settings are run, device, recipe, model, media, sources,"
    )


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"sft": {"lora": {"rnk": 4}}}, "sft.lora.rnk is not a setting. Did you mean sft.lora.rank?"),
        ({"validat": {}}, "validat is not a setting. Did you mean validate?"),
        ({"validate": {"max_rejectd": 1}}, "validate.max_rejectd is not a setting. "
         "Did you mean validate.max_rejected?"),
        ({"run": "My Run"}, "run: 'My Run' is no name. Use lower-case letters, digits, _ and -."),
        ({"run": "../up"}, "run: '../up' is no name. Use lower-case letters, digits, _ and -."),
        ({"run": "a\n"}, "run: 'a\\n' is no name. Use lower-case letters, digits, _ and -."),
        ({"experiments": {"A": {}}}, "experiments.A: 'A' is no name. Use lower-case letters, digits, _ and -."),
        (
            {"sft": {"learning_rate": "fast"}},
            "sft.learning_rate is the text 'fast', not a number. Write a number, without quotes.",
        ),
        ({"sft": {"gpus": "4"}}, "sft.gpus is the text '4', not a number. Write a number, without quotes."),
        ({"sft": {"gpus": True}}, "sft.gpus is True; it must be a valid integer."),
        ({"sft": {"learning_rate": float("nan")}}, "sft.learning_rate is nan; it must be a finite number."),
        ({"sft": {"learning_rate": 0}}, "sft.learning_rate is 0; it must be greater than 0."),
        ({"sft": None}, "sft must be a section of keys, not None. Indent its keys below it."),
        ({"sources": ["a"]}, "sources must be a section of keys, not ['a']. Indent its keys below it."),
        ({"infer": {"stages": "base"}}, "infer.stages must be a list, not 'base'. Write [base]."),
        ({"infer": {"stages": ["bse"]}}, "infer.stages.0 is 'bse'; it must be 'base', 'sft', 'grpo' or 'merge'."),
        ({"media": {"roots": []}}, "media.roots is []; it must have at least 1 item."),
        ({"grpo": {"rewards": {}}}, "grpo.rewards is {}; it must have at least 1 item."),
        ({"deploy": {"host": ""}}, "deploy.host is ''; it must have at least 1 character."),
        (
            {"deploy": {"enabled": True}},
            "deploy.enabled is not a setting. Settings of deploy are backend, host, expose, port, gpus, swift.",
        ),
        (
            {"sources": {"a": {"format": "messages"}}},
            "sources.a.path is missing. Set it: File of rows, or folder of media.",
        ),
        (
            {"sources": {"a": {"format": "messages", "path": "data/none.jsonl"}}},
            "sources.a.path: there is no file data/none.jsonl. Mend the path.",
        ),
        (
            {"sources": {"a": {"format": "messages", "path": "data"}}},
            "sources.a.path: data is a folder. Name a file of rows, or set format: folder.",
        ),
        (
            {"model": {"path": "base2"}},
            "model.path: there is no folder base2. Name a folder or a hub id (Qwen/NAME).",
        ),
        (
            {"sft": {"swift": ["packing"]}},
            "sft.swift must be a section of keys, not ['packing']. Indent its keys below it.",
        ),
        (
            {"experiments": {"sft": {}}},
            "experiments.sft is the name of a stage. Choose another name for the experiment.",
        ),
        (
            {"experiments": {"a": {"sft": {"lora": {"rnk": 1}}}}},
            "experiments.a.sft.lora.rnk is not a setting. Did you mean experiments.a.sft.lora.rank?",
        ),
        ({"experiments": {"a": {"infer": {}}}}, "experiments.a.infer is not a setting. "
         "Settings of experiments.a are sft, grpo, merge."),
        (
            {"experiments": {"a": {"sft": {"gpus": 3}}}},
            "experiments.a.sft: effective_batch 16 cannot be shared by 3 processes. "
            "Set effective_batch to a multiple of 3, or change their number.",
        ),
        (
            {"sft": {"processes": 2}},
            "sft: processes is for device: cpu; with GPUs there is one process each. Remove it, or set gpus.",
        ),
        (
            {"deploy": {"host": "0.0.0.0"}},
            "deploy.host: others may reach 0.0.0.0 and use the model, with no key. "
            "Take 127.0.0.1 and put a gateway with a key in front, or set deploy.expose: true.",
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence(changes: Values, sentence: str):
    assert refused(config(**changes)) == [sentence]


def test_no_source_is_told_with_what_to_do():
    (sentence,) = refused(config(sources={}), [write("c.yaml", {"run": "main"})])
    assert sentence.startswith("c.yaml: sources is empty. Name your data there")
    assert sentence.endswith("make demo")


def source(**keys: Any) -> Values:
    return {"a": {"format": "messages", "path": "data/a.jsonl", **keys}}


def test_sources_must_serve_what_is_switched_on():
    assert any("no source has sft in its use" in line for line in refused(config(sources=source(use=["eval"]))))
    assert any("no source has eval in its use" in line for line in refused(config(sources=source(use=["sft"]))))
    (sentence,) = refused(config(sources=source(task="asr"), score={"tasks": {"math": ["math_verify"]}}))
    assert "score.tasks" in sentence
    assert "asr" in sentence
    load(config(sources=source(task="asr")))  # default serves every task


def test_a_mistake_is_told_with_the_last_file_that_holds_it():
    first = write("a.yaml", {"sft": {"gpus": 4}, "run": "x"})
    second = write("b.yaml", {"sft": {"learning_rat": 1}})
    values = config(sft={"gpus": 0, "learning_rat": 1}, recipe="slow")
    assert refused(values, [first, second]) == [
        "a.yaml: recipe is 'slow'; it must be 'fast' or 'seed'.",  # from the command line: the main file
        "a.yaml: sft.gpus is 0; it must be greater than or equal to 1.",
        "b.yaml: sft.learning_rat is not a setting. Did you mean sft.learning_rate?",
    ]


def test_experiments_change_only_what_they_name():
    values = config(
        sft={"epochs": 5, "lora": {"rank": 4, "alpha": 8}},
        experiments={"plain": {}, "wide": {"sft": {"lora": {"rank": 64}}}, "thin": {"merge": {"enabled": False}}},
    )
    _, experiments = load(values)
    plain, wide, thin = experiments
    assert [experiment.name for experiment in experiments] == ["plain", "wide", "thin"]
    assert (wide.sft.lora.rank, wide.sft.lora.alpha, wide.sft.epochs) == (64, 8, 5)
    assert plain.sft.lora.rank == 4
    assert wide.sft.model_copy(update={"lora": plain.sft.lora}) == plain.sft
    assert (plain.merge.enabled, thin.merge.enabled) == (True, False)


def test_an_experiment_with_another_tuner_takes_that_tuners_recipe():
    _, (experiment,) = load(config(experiments={"full": {"sft": {"tuner": "full", "gpus": 8}}}))
    assert (experiment.sft.learning_rate, experiment.sft.deepspeed, experiment.sft.max_length) == (
        1e-5,
        "zero3",
        2048,
    )


def test_results_of_the_pipeline_itself_need_not_exist_yet():
    made = {"a": {"format": "messages", "path": "results/demo/inputs/a.jsonl"}}
    load(config(sources=made, model={"path": "results/demo/inputs/base"}, demo={}))


def test_the_demos_pretraining_is_filled_too():
    found, _ = load(config(demo={"pretrain": {"tuner": "full", "gpus": 1}}, device="cpu"))
    filled = filled_pretrain(found)
    assert [name for name, value in filled if value is None] == ["resume_adapter"]
    assert filled.deepspeed == "none"


@pytest.mark.parametrize(
    ("path", "expected"),
    [("Qwen/Qwen3", True), ("base", False), ("./a/b", False), ("~/models", False), ("/a", False), ("a/b/c", False),
     ("data/sub", False)],
)  # fmt: skip
def test_what_can_only_be_a_hub_id(path: str, expected: bool):
    Path("data/sub").mkdir()
    assert is_hub_id(path) is expected


@pytest.mark.parametrize("recipe", ["fast", "seed"])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_what_is_not_enabled_refuses_nothing(recipe: str, device: str):
    _, (experiment,) = load(config(recipe=recipe, device=device), [])
    assert experiment.trained == ["sft"]
    values = config(recipe=recipe, device=device, sft={"gpus": 1}, grpo={"gpus": 1, "num_generations": 7})
    assert load(values, [])[1][0].trained == ["sft"]


GRPO_SOURCE = {"a": {"format": "messages", "path": "data/a.jsonl", "use": ["sft", "grpo", "eval"]}}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"sft": {"enabled": False}}, "sft.enabled: experiment main trains nothing. Enable sft or grpo."),
        (
            {"sources": {"a": GRPO_SOURCE["a"] | {"use": ["sft", "eval"]}}, "grpo": {"enabled": True}},
            "sources: no source has grpo in its use, so grpo has no rows. Add it to one.",
        ),
        (
            {"sft": {"enabled": False}, "grpo": {"enabled": True}},
            "grpo.start_from is sft, which is not enabled. Enable it, or start from base.",
        ),
        (
            {"grpo": {"enabled": True, "lora": {"rank": 16}}},
            "grpo.lora is not sft's, but grpo trains sft's adapter on. "
            "Remove it here, or set grpo.start_from: base.",
        ),
        (
            {"grpo": {"enabled": True, "reward_file": "none.py"}},
            "grpo.reward_file: there is no file none.py. Mend the path.",
        ),
        (
            {"device": "cpu", "grpo": {"enabled": True, "rollout": "colocate", "processes": 2}},
            "grpo.processes: on a CPU vLLM samples in one process. Set it to 1.",
        ),
        (
            {"device": "cpu", "grpo": {"enabled": True, "rollout": "colocate", "sleep_level": 1}},
            "grpo.sleep_level: a vLLM on a CPU gives nothing up. Set it to 0.",
        ),
        (
            {"grpo": {"enabled": True, "rollout": "server", "server": {"gpus": 3, "tensor_parallel": 2}}},
            "grpo.server.gpus: 3 GPUs hold no whole number of copies of 2 GPUs each. "
            "Set it to a multiple of tensor_parallel.",
        ),
        (
            {
                "grpo": {"enabled": True, "rollout": "server"},
                "experiments": {"a": {}, "b": {"grpo": {"server": {"port": 8101}}}},
            },
            "experiments.b.grpo.server.port: experiment a has 8101 or the next one too. Give each two of its own.",
        ),
        (
            {"grpo": {"enabled": True, "rewards": {"format": 0}}},
            "grpo.rewards: every weight is 0, so nothing is learned. Give one a weight.",
        ),
    ],
)
def test_a_grpo_that_cannot_work_is_one_sentence(changes: Values, sentence: str):
    assert refused(config(**{"sources": GRPO_SOURCE} | changes)) == [sentence]


@pytest.mark.parametrize(
    ("rewards", "sentence"),
    [
        ({"fromat": 1}, "grpo.rewards: there is no reward fromat. Did you mean format?"),
        (
            {"own": 1, "custom_rewrad": 1},
            "grpo.rewards: there is no reward custom_rewrad. Did you mean custom_reward?",
        ),
        (
            {"zzz": 1},
            "grpo.rewards: there is no reward zzz. Choose one of format, accuracy, external_r1v_acc, choice, "
            "asr, iou, json_schema, length, repetition, llm_judge, cosine, math, react_format, soft_overlong, "
            "toolbench, or define it in data/mine.py.",
        ),
    ],
)
def test_a_reward_that_is_nowhere_is_told_before_anything_runs(rewards: Values, sentence: str):
    Path("data/mine.py").write_text("def custom_reward(completions, **kwargs): ...\nown = custom_reward\n")
    grpo = {"enabled": True, "reward_file": "data/mine.py", "rewards": rewards}
    assert refused(config(sources=GRPO_SOURCE, grpo=grpo)) == [sentence]


JUDGE = {"url": "https://judge.test/v1", "model": "m"}


@pytest.mark.parametrize(
    ("rewards", "sentence"),
    [
        ({"accuracy": {"weight": 1, "most": 3}}, "accuracy.most is not a setting."),
        ({"length": {"mots": 3}}, "length.mots is not a setting. Did you mean grpo.rewards.length.most?"),
        ({"length": {"most": "9"}}, "length.most is the text '9', not a number. Write a number, without quotes."),
        ({"length": {"least": 9, "most": 3}}, "length.least is above most. Exchange them."),
        ({"json_schema": {}}, "json_schema.file is missing. Set it: JSON file with the schema of the answer."),
        ({"json_schema": {"file": "no.json"}}, "json_schema.file: there is no file no.json. Mend the path."),
        (
            {"json_schema": {"file": "data/schema.json"}},
            "json_schema.file: data/schema.json is no schema to check by (# uses the keyword contains, which",
        ),
        ({"llm_judge": {"model": "m"}}, "llm_judge.url is missing. Set it: Base of an OpenAI-compatible"),
        (
            {"llm_judge": JUDGE | {"key_file": "no"}},
            "llm_judge.key_file: no cannot be read (No such file or directory). Mend it.",
        ),
        (
            {"json_schema": {"file": "~/schema.json"}},
            "json_schema.file: there is no file ~/schema.json. Mend the path.",
        ),
        (
            {"llm_judge": JUDGE | {"key_file": "data/key"}},
            "llm_judge.key_file: data/key holds no key: its first line must be the key and nothing else. Mend it.",
        ),
        ({"cosine": {"n": 3}}, "cosine: cosine is ms-swift's and takes flags. Set them in grpo.swift."),
        ({"accuracy": "much"}, "accuracy must be a section of keys, not 'much'."),
    ],
)
def test_options_of_a_reward_that_cannot_be_are_told(rewards: Values, sentence: str):
    Path("data/schema.json").write_text('{"contains": {}}')
    Path("data/key").write_text("two words")
    (told,) = refused(config(sources=GRPO_SOURCE, grpo={"enabled": True, "rewards": rewards}))
    assert told.startswith(f"grpo.rewards.{sentence}")


def test_options_have_the_defaults_and_names_of_their_rewards():
    for name, options in OPTIONS.items():
        taken = inspect.signature(REWARDS[name]).parameters
        for option, field in options.model_fields.items():
            default = inspect.Parameter.empty if field.is_required() else field.default
            assert taken[option].default == default, f"{name}.{option}"


def test_rewards_may_be_weights_or_sections():
    rewards = {"accuracy": 1, "length": {"weight": 0.2, "most": 9}, "llm_judge": JUDGE}
    experiments = {"a": {}, "b": {"grpo": {"rewards": {"length": 0.5, "accuracy": {"weight": 2}}}}}
    keys = {"grpo": {"enabled": True, "rewards": rewards}, "experiments": experiments}
    _, (first, second) = load(config(sources=GRPO_SOURCE, **keys), [])
    assert first.grpo.weights == {"accuracy": 1, "length": 0.2, "llm_judge": 1}
    assert first.grpo.reward_options == {"length": {"most": 9}, "llm_judge": JUDGE}
    assert second.grpo.weights == {"accuracy": 2, "length": 0.5, "llm_judge": 1}
    (told,) = refused(
        config(sources=GRPO_SOURCE, grpo={"enabled": True, "rewards": rewards, "lab": {"style": ["own"]}})
    )
    assert told == "grpo.lab.style: own is none of grpo.rewards. Remove it."


def test_a_reward_file_is_read_and_not_run():
    Path("data/mine.py").write_text("raise SystemExit(1)\ndef custom_reward(completions, **kwargs): ...\n")
    grpo = {"enabled": True, "reward_file": "data/mine.py", "rewards": {"custom_reward": 1}}
    load(config(sources=GRPO_SOURCE, grpo=grpo), [])
    Path("data/mine.py").write_text("def custom_reward(:\n")
    (told,) = refused(config(sources=GRPO_SOURCE, grpo=grpo))
    assert told == "grpo.reward_file: data/mine.py:1: is not Python: invalid syntax. Mend the file."


@pytest.mark.parametrize("path", ["data/{run}.jsonl", "data/a}.jsonl"])
def test_a_brace_in_a_path_is_told(path: str):
    Path(path).write_text("{}\n")
    sources = {"a": {"format": "messages", "path": path}}
    assert refused(config(sources=sources)) == [
        f"sources.a.path: {path} holds a brace, which Snakemake takes for a wildcard. Rename it."
    ]
    grpo = {"enabled": True, "reward_file": path, "rewards": {"own": 1}}
    (told,) = refused(config(sources=GRPO_SOURCE, grpo=grpo))
    assert told == f"grpo.reward_file: {path} holds a brace, which Snakemake takes for a wildcard. Rename it."


def test_a_mapping_to_no_field_is_told():
    sources = {"a": {"format": "qa", "path": "data/a.jsonl", "columns": {"prompt": "questoin"}}}
    (told,) = refused(config(sources=sources))
    assert told == (
        'sources.a.columns maps "prompt" to "questoin", no field of the format qa. Did you mean question?'
    )


def test_grpo_takes_the_adapters_shape_from_sft():
    values = config(
        sources=GRPO_SOURCE, sft={"lora": {"rank": 16}, "freeze_aligner": False}, grpo={"enabled": True}
    )
    _, (experiment,) = load(values, [])
    assert (experiment.grpo.lora.rank, experiment.grpo.freeze_aligner) == (16, False)
    assert experiment.policy == "adapter"
