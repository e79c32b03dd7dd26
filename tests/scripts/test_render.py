"""render.py in the swift environment: argv to arguments file, exit code and message."""

import json
import subprocess
from pathlib import Path

import pytest
from data_commands import SCRIPTS, command
from weight_files import write_safetensors

from omnitune import recipes
from omnitune.config.deploy import DeployConfig
from omnitune.config.infer import InferConfig
from omnitune.config.media import MediaConfig
from omnitune.config.sft import SftConfig


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the manifest of a base and split rows; val is empty."""
    (tmp_path / "base").mkdir()
    (tmp_path / "model").mkdir()
    (tmp_path / "model/weights").symlink_to(tmp_path / "base")
    modules = {
        "llm": {"thinker.model.layers.0.self_attn.q_proj": [64, 32]},
        "vision": {},
        "audio": {},
        "aligner": {},
    }
    parts = {"llm attention": 2048, "llm other": 9}
    manifest = {"linear_modules": modules, "experts": {}, "parts": parts}
    (tmp_path / "model/manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "train.jsonl").write_text("{}\n")
    (tmp_path / "val.jsonl").touch()
    return tmp_path


def render_sft(swift_python: Path, place: Path, *more: str, **keys) -> subprocess.CompletedProcess[str]:
    settings = recipes.fill_sft(SftConfig(**keys), recipe="fast", gpu_memory_gib=80, device="cpu")
    argv = [swift_python, SCRIPTS / "render.py", "sft", "--settings", settings.model_dump_json()]
    argv += ["--media", MediaConfig().model_dump_json(), "--device", "cpu", "--model", "model"]
    argv += ["--train", "train.jsonl", "--checkpoints", "ckpt", "--output", "out/args.json", *more]
    return subprocess.run(argv, cwd=place, capture_output=True, text=True, check=False)


def test_arguments_are_written_and_an_empty_or_absent_val_is_left_out(swift_python: Path, place: Path):
    texts = []
    for val in ("val.jsonl", "absent.jsonl"):
        done = render_sft(swift_python, place, "--val", val)
        assert done.returncode == 0, done.stderr  # ms-swift says something when its flags are first read
        texts.append((place / "out/args.json").read_text())
    assert texts[0] == texts[1]
    arguments = json.loads(texts[0])
    assert arguments["model"] == "model/weights"
    assert arguments["target_modules"] == ["thinker.model.layers.0.self_attn.q_proj"]
    assert arguments["eval_strategy"] == "no"
    assert arguments["ENV"]["VIDEO_MIN_TOKEN_NUM"] == "4"
    assert json.loads(arguments["ENV"]["OMNITUNE_TRAINABLE"]) == {"llm attention": 8 * 96}
    told = ["Trainable parameters:", "  llm attention    768", "  llm other     frozen", "  in all           768"]
    assert done.stdout.splitlines()[-4:] == told


def test_rows_to_watch_are_evaluated(swift_python: Path, place: Path):
    (place / "val.jsonl").write_text("{}\n")
    assert render_sft(swift_python, place, "--val", "val.jsonl").returncode == 0
    assert json.loads((place / "out/args.json").read_bytes())["val_dataset"] == ["val.jsonl"]


def test_a_training_by_length_reads_the_folders_of_cached_rows(swift_python: Path, place: Path):
    (place / "val.jsonl").write_text("{}\n")
    options = ("--val", "val.jsonl", "--cached", "rows/cached")
    done = render_sft(swift_python, place, *options, group_by_length=True)
    assert done.returncode == 0, done.stderr
    arguments = json.loads((place / "out/args.json").read_bytes())
    assert arguments["cached_dataset"] == ["rows/cached/train"]
    assert arguments["cached_val_dataset"] == ["rows/cached/val"]
    assert not {"dataset", "val_dataset"} & set(arguments)


@pytest.mark.parametrize(
    ("swift", "message"),
    [
        (
            {"lora_rnk": 4},
            "sft.swift.lora_rnk: ms-swift 4.6.0 has no flag lora_rnk for `swift sft`. Did you mean lora_rank?",
        ),
        (
            {"lora_rank": 4},
            "sft.swift.lora_rank: ms-swift's lora_rank has a key of its own here. Set sft.lora.rank.",
        ),
        (
            {"tf32": "maybe"},
            "sft.swift: ms-swift does not take tf32: 'maybe' is neither true nor false. Mend the value.",
        ),
    ],
)
def test_a_wrong_flag_is_one_sentence_and_writes_nothing(swift_python: Path, place: Path, swift, message: str):
    done = render_sft(swift_python, place, swift=swift)
    assert (done.returncode, done.stderr) == (78, f"error: {message}\n")
    assert not (place / "out").exists()


def test_rows_without_padding_need_what_the_environment_has_not(swift_python: Path, place: Path):
    done = render_sft(swift_python, place, packing=True)
    assert done.returncode == 78
    assert done.stderr.startswith(
        "error: sft.packing: it needs a flash attention implementation, and the swift env"
    )
    assert not (place / "out").exists()


def test_an_adapter_of_other_layers_is_refused(swift_python: Path, place: Path):
    sides = {"A": ("F32", [8, 2], bytes(64)), "B": ("F32", [4, 8], bytes(128))}
    tensors = {f"base_model.model.x.lora_{side}.weight": tensor for side, tensor in sides.items()}
    write_safetensors(place / "adapter/adapter_model.safetensors", tensors)
    (place / "adapter/adapter_config.json").write_text('{"peft_type": "LORA", "r": 8, "lora_alpha": 32}')
    done = render_sft(swift_python, place, resume_adapter="adapter")
    assert done.returncode == 78
    assert done.stderr.startswith(
        "error: sft.resume_adapter: the adapter is of other layers than the settings mean"
    )


def test_a_base_that_has_gone_is_told(swift_python: Path, place: Path):
    (place / "base").rename(place / "moved")
    done = render_sft(swift_python, place)
    assert (done.returncode, done.stderr) == (
        78,
        f"error: model/weights: it leads to {place}/base, which is gone. "
        "Delete model/manifest.json and run again.\n",
    )


@pytest.mark.parametrize(("is_base", "model"), [(True, "model/weights"), (False, "model")])
def test_inference_reads_a_base_through_its_link_and_a_final_model_in_its_place(
    swift_python: Path, place: Path, is_base: bool, model: str
):
    if not is_base:
        (place / "model/weights").unlink()
        (place / "model/config.json").write_text("{}")
    argv = [swift_python, SCRIPTS / "render.py", "infer", "--settings", InferConfig().model_dump_json()]
    argv += ["--media", MediaConfig().model_dump_json(), "--device", "cpu", "--model", "model"]
    argv += ["--test", "test.jsonl", "--result", "raw.jsonl", "--output", "out/args.json"]
    done = subprocess.run(argv, cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads((place / "out/args.json").read_bytes())["model"] == model


def render_deploy(swift_python: Path, place: Path, *more: str, **keys) -> subprocess.CompletedProcess[str]:
    argv = [swift_python, SCRIPTS / "render.py", "deploy", "--settings", DeployConfig(**keys).model_dump_json()]
    argv += ["--infer", InferConfig().model_dump_json(), "--media", MediaConfig().model_dump_json()]
    argv += ["--device", "cuda", "--model", "merge/model", "--name", "run", "--output", "out/args.json", *more]
    return subprocess.run(argv, cwd=place, capture_output=True, text=True, check=False)


def test_a_servers_arguments_are_written_for_a_backend_that_is_not_installed(swift_python: Path, place: Path):
    done = render_deploy(swift_python, place, "--environment", "/site", swift={"vllm_max_model_len": 4096})
    assert done.returncode == 0, done.stderr
    arguments = json.loads((place / "out/args.json").read_bytes())
    assert (arguments["infer_backend"], arguments["vllm_max_model_len"]) == ("vllm", 4096)
    assert (arguments["model"], arguments["ENV"]["OMNITUNE_SWIFT"]) == ("merge/model", "/site")


def test_a_wrong_flag_of_the_server_is_one_sentence(swift_python: Path, place: Path):
    done = render_deploy(swift_python, place, swift={"vllm_max_len": 1})
    assert done.returncode == 78
    assert done.stderr.startswith(
        "error: deploy.swift.vllm_max_len: ms-swift 4.6.0 has no flag vllm_max_len for `swift deploy`. Did "
    )
    assert not (place / "out").exists()


def test_an_environment_without_ms_swift_is_told(place: Path):
    settings = recipes.fill_sft(SftConfig(), recipe="fast", gpu_memory_gib=80, device="cpu").model_dump_json()
    done = command(
        "render", "sft", "--settings", settings, "--media", "{}", "--device", "cpu", "--model", "model",
        "--train", "train.jsonl", "--checkpoints", "c", "--output", "out/args.json", cwd=place,
    )  # fmt: skip
    assert done.returncode == 78
    assert "this environment has no ms-swift. Name another in envs.swift" in done.stderr
