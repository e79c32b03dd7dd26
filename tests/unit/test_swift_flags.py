"""Arguments files against the parser of the installed ms-swift."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from test_deploy_args import deploy
from test_grpo_args import render as grpo
from test_grpo_args import server
from test_swift_args import DEFAULTS, render, seed

from omnitune import algorithms, infer_args, rollout_args, swift_args, swift_flags, swift_owned
from omnitune.config.infer import InferConfig
from omnitune.config.media import MediaConfig
from omnitune.errors import PipelineError

FLAGS = [
    {"names": ["lora_rank", "lora-rank"], "type": "int", "nargs": None, "choices": None},
    {"names": ["packing"], "type": "string_to_bool", "nargs": "?", "choices": None},
    {"names": ["save_strategy"], "type": "<lambda>", "nargs": None, "choices": ["no", "steps"]},
    {"names": ["dataset"], "type": "str", "nargs": "+", "choices": None},
]


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(swift_flags, "_flags", lambda command: ("4.6.0", FLAGS))


def refused(arguments: dict[str, Any], command: str = "sft") -> str:
    with pytest.raises(PipelineError) as caught:
        swift_flags.check_flags(command, arguments, f"{command}.swift")
    assert caught.value.code == 78
    return str(caught.value)


@pytest.mark.usefixtures("known")
def test_known_flags_with_values_of_their_kind_are_taken():
    swift_flags.check_flags(
        "sft", {"lora_rank": 8, "packing": "true", "dataset": ["a", "b"], "ENV": {"a": "b"}}, "sft.swift"
    )
    swift_flags.check_flags("sft", {"lora-rank": 8, "packing": "No", "save_strategy": "steps"}, "sft.swift")


@pytest.mark.usefixtures("known")
def test_an_unknown_flag_is_named_with_the_one_that_was_meant():
    assert refused({"lora_rnk": 8}) == (
        "sft.swift.lora_rnk: ms-swift 4.6.0 has no flag lora_rnk for `swift sft`. Did you mean lora_rank?"
    )
    assert refused({"zzz": 8}) == (
        "sft.swift.zzz: ms-swift 4.6.0 has no flag zzz for `swift sft`. "
        "Look it up in ms-swift's list of command-line parameters."
    )
    assert "has no flag lora" in refused({"lora": 8}), "an abbreviation is no flag"


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"lora_rank": "eight"}, "ms-swift does not take lora_rank/--lora-rank: invalid int value: 'eight'"),
        ({"lora_rank": 8.5}, "ms-swift does not take lora_rank/--lora-rank: invalid int value: '8.5'"),
        ({"packing": "maybe"}, "ms-swift does not take packing: 'maybe' is neither true nor false"),
        ({"dataset": []}, "ms-swift does not take dataset: expected at least one argument"),
        ({"save_strategy": "often"}, "ms-swift does not take save_strategy: invalid choice: 'often' "),
    ],
)
def test_a_value_of_another_kind_is_refused(arguments, sentence):
    assert refused(arguments).startswith(f"sft.swift: {sentence}")


@pytest.mark.skipif(find_spec("swift") is not None, reason="this environment has ms-swift")
def test_an_environment_without_ms_swift_is_told():
    assert "this environment has no ms-swift. Name another in envs.swift" in refused({"lora_rank": 8})


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No flags are remembered from an earlier reading."""
    monkeypatch.setenv("OMNITUNE_ENV_DIR", str(tmp_path))
    return tmp_path / "flags"


def infer(device: str, adapter: str | None, **keys: Any) -> dict[str, Any]:
    return infer_args.infer(
        InferConfig(**keys), media=MediaConfig(), device=device, model="m", adapter=adapter, test="t", output="o"
    )


@pytest.mark.swift
def test_every_flag_that_we_set_is_one_of_ms_swifts(fresh: Path):
    for arguments in (seed("lora"), seed("full"), render(device="cpu"), render(val=None)):
        swift_flags.check_flags("sft", arguments, "sft.swift")
    for arguments in (infer("cuda", "a"), infer("cpu", None)):
        swift_flags.check_flags("infer", arguments, "sft.swift")
    for arguments in (deploy(), deploy("cpu"), deploy(backend="transformers")):
        swift_flags.check_flags("deploy", arguments, "sft.swift")
    swift_flags.check_flags("sft", render({"processes": 2, "deepspeed": "zero2"}, device="cpu"), "sft.swift")
    for arguments in (
        grpo({}),
        grpo({"rollout": "colocate"}),
        grpo({"rollout": "colocate"}, device="cpu"),
        grpo({"rollout": "server"}),
        grpo({"tuner": "full", "beta": 0.1}, device="cpu", recipe="fast"),
        grpo({"rollout": "colocate", "sleep_level": 1, "offload_model": True, "move_model_batches": 2}),
        *(grpo({"algorithm": algorithm}) for algorithm in algorithms.FLAGS),
    ):
        swift_flags.check_flags("rlhf", arguments, "grpo.swift")
    for device in ("cuda", "cpu"):
        swift_flags.check_flags("rollout", server({}, device), "grpo.server.swift")
        swift_flags.check_flags("infer", infer(device, None, backend="vllm"), "infer.swift")
        swift_flags.check_flags("deploy", deploy(device, backend="vllm"), "deploy.swift")
    assert len(list(fresh.iterdir())) == 5, "the flags of each command are read once"


@pytest.mark.swift
def test_every_flag_that_we_refuse_or_give_a_key_exists():
    known = {
        command: {name for flag in swift_flags._flags(command)[1] for name in flag["names"]} | {"ENV"}
        for command in ("sft", "rlhf", "rollout")
    }
    assert known["rollout"] >= rollout_args.OWNED
    assert set(swift_owned.KEYS | swift_owned.SFT_KEYS) | swift_owned.UNMERGEABLE <= known["sft"]
    assert set(swift_owned.GRPO_KEYS) | swift_owned.FIXED | swift_owned.REWRITING <= known["rlhf"]
    assert swift_owned.REWRITING - known["sft"] == {"chord_sft_dataset"}
    assert swift_owned.FIXED - known["sft"] == {"ref_adapters", "rlhf_type", "ref_model"}


@pytest.mark.swift
def test_the_real_parser_refuses_unknown_flags_and_wrong_values():
    good = seed("lora")
    assert refused(good | {"loss_scal": "x"}) == (
        "sft.swift.loss_scal: ms-swift 4.6.0 has no flag loss_scal for `swift sft`. Did you mean loss_scale?"
    )
    assert "invalid int value: 'many'" in refused(good | {"num_labels": "many"})
    assert "'perhaps' is neither true nor false" in refused(good | {"packing": "perhaps"})
    assert "invalid choice: 'sometimes'" in refused(good | {"norm_bbox": "sometimes"})
    assert refused(deploy() | {"vllm_max_model": 1}, "deploy").startswith(
        "deploy.swift.vllm_max_model: ms-swift 4.6.0 has no flag vllm_max_model for `swift deploy`."
    )
    assert "for `swift infer`" in refused(infer("cpu", None) | {"lora_rank": 8}, "infer")


@pytest.mark.swift
def test_what_is_called_ms_swifts_default_is_its_default():
    from dataclasses import MISSING, fields

    from swift.arguments import SftArguments

    defaults = {field.name: field.default for field in fields(SftArguments) if field.default is not MISSING}
    assert defaults["eval_strategy"] is None
    defaults["eval_strategy"] = defaults["save_strategy"]
    for name, value in DEFAULTS.items():
        default = getattr(defaults[name], "value", defaults[name])
        assert str(default).lower().removesuffix(".0") == str(value), name


@pytest.mark.swift
def test_the_golden_arguments_are_read_by_ms_swifts_own_reader():
    """`swift sft args.json` by hand must mean the same as our command line."""
    from swift.arguments import SftArguments
    from swift.utils.utils import _patch_get_type_hints
    from transformers import HfArgumentParser

    with _patch_get_type_hints():
        parser = HfArgumentParser([SftArguments])
    for tuner in ("lora", "full"):
        arguments = seed(tuner)
        parsed = vars(parser.parse_args(swift_args.command_line(arguments)))
        for name, value in arguments.items():
            if name != "ENV":
                assert str(parsed[name]).lower() in (str(value).lower(), str([value]).lower(), f"{value}.0"), name
