"""The tiny model: the real architecture and files, few parameters, equal for equal seeds."""

import json
import math
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
safetensors = pytest.importorskip("safetensors.torch")

from omnitune.demo import shapes  # noqa: E402
from omnitune.demo.names import NAMES  # noqa: E402
from omnitune.demo.tiny_model import write_model  # noqa: E402
from omnitune.demo.tokenizer import SPECIAL  # noqa: E402

pytestmark = pytest.mark.swift

FIRST_REAL_ID = 151643  # of <|endoftext|> in the real tokenizer


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("demo") / "model"
    write_model(path, seed=0)
    return path


def weights(folder: Path) -> dict:
    return {
        name: value for file in folder.glob("*.safetensors") for name, value in safetensors.load_file(file).items()
    }


def test_files_are_those_of_the_real_repository(folder):
    names = {path.name for path in folder.iterdir()}
    assert names >= {
        *(
            "config.json",
            "generation_config.json",
            "model.safetensors.index.json",
            "preprocessor_config.json",
        ),
        *("chat_template.json", "tokenizer_config.json", "vocab.json", "merges.txt"),
    }
    index = json.loads((folder / "model.safetensors.index.json").read_text())["weight_map"]
    assert set(index.values()) == {name for name in names if name.endswith(".safetensors")}
    assert len(set(index.values())) > 1


def test_it_has_every_part_and_few_parameters(folder):
    tensors = weights(folder)
    assert {name.split(".")[0] for name in tensors} == {"thinker", "talker", "code2wav"}
    parts = {".".join(name.split(".")[:2]) for name in tensors if name.startswith("thinker.")}
    assert parts == {"thinker.model", "thinker.lm_head", "thinker.visual", "thinker.audio_tower"}
    assert sum(math.prod(tensor.shape) for tensor in tensors.values()) < 1_500_000
    assert all(tensor.dtype == torch.float32 and tensor.isfinite().all() for tensor in tensors.values())
    assert json.loads((folder / "config.json").read_text())["enable_audio_output"] is True


def test_equal_seeds_give_equal_models(folder, tmp_path):
    write_model(tmp_path / "same", seed=0)
    write_model(tmp_path / "other", seed=1)
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / "same" / path.name).read_bytes(), path.name
    name = "thinker.lm_head.weight"
    assert not torch.equal(weights(folder)[name], weights(tmp_path / "other")[name])


def test_an_older_model_is_replaced_whole(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "stale.json").write_text("{}")
    write_model(tmp_path / "model", seed=0)
    assert not (tmp_path / "model" / "stale.json").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_the_caller_keeps_its_random_state(tmp_path):
    before = torch.random.get_rng_state()
    write_model(tmp_path / "model", seed=0)
    assert torch.equal(before, torch.random.get_rng_state())


def test_special_tokens_stand_in_the_real_order(folder):
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    ids = [tokenizer.convert_tokens_to_ids(name) for name in SPECIAL]
    assert ids == list(range(ids[0], ids[0] + len(SPECIAL)))
    real = {"<|im_start|>": 151644, "<|image_pad|>": 151655, "<|audio_pad|>": 151675}
    assert {name: ids[0] + number - FIRST_REAL_ID for name, number in real.items()} == {
        name: tokenizer.convert_tokens_to_ids(name) for name in real
    }
    assert tokenizer.eos_token == "<|im_end|>"


def test_answers_are_single_tokens(folder):
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    for answer in (*"0123456789", *NAMES, *shapes.COLOURS):
        assert len(tokenizer.encode(answer)) == 1
    assert len(tokenizer.encode("42")) == 2
    text = "Grüße, 世界!\n<|im_end|>"
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_transformers_finds_a_processor_and_a_chat_template(folder):
    processor = transformers.AutoProcessor.from_pretrained(folder)
    assert type(processor).__name__ == "Qwen3OmniMoeProcessor"
    assert processor.feature_extractor.feature_size == 128
    content = [{"type": "audio"}, {"type": "image"}, {"type": "video"}, {"type": "text", "text": "Which?"}]
    prompt = processor.apply_chat_template(
        [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
    )
    assert prompt == (
        "<|im_start|>user\n<|audio_start|><|audio_pad|><|audio_end|><|vision_start|><|image_pad|><|vision_end|>"
        "<|vision_start|><|video_pad|><|vision_end|>Which?<|im_end|>\n<|im_start|>assistant\n"
    )
