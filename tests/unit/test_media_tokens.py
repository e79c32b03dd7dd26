"""What ms-swift does with a completion that holds media tokens, and the guard, with the real model and engine."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from real_model import load

from omnitune import media_tokens

pytestmark = pytest.mark.swift


@pytest.fixture(scope="module")
def engine(tiny_model: Path) -> Any:
    """A real engine, with a model that likes no tokens better than those of media."""
    from swift.infer_engine import TransformersEngine

    model, template = load(tiny_model)
    ids = template.tokenizer.convert_tokens_to_ids(list(media_tokens.TOKENS))

    def prefer(module: Any, inputs: Any, logits: Any) -> Any:
        logits[..., ids] += 30
        return logits

    model.thinker.lm_head.register_forward_hook(prefer)
    return TransformersEngine(model, template=template)


@pytest.fixture
def unguarded() -> Iterator[Any]:
    """The engine's class, without a guard that another test has set."""
    from swift.infer_engine import TransformersEngine

    prepare = TransformersEngine._prepare_generation_config
    TransformersEngine._prepare_generation_config = getattr(prepare, "__wrapped__", prepare)
    yield TransformersEngine
    TransformersEngine._prepare_generation_config = prepare


def sampled(engine: Any) -> set[int]:
    """Tokens of some completions."""
    from swift.infer_engine import InferRequest, RequestConfig

    asked = [InferRequest(messages=[{"role": "user", "content": f"{n} + 2 ="}]) for n in range(4)]
    # 128 tokens: of eight each, one of five that are as likely was missed once in a hundred times.
    config = RequestConfig(max_tokens=32, temperature=1.0, top_k=50, top_p=0.99, return_details=True)
    return {token for one in engine.infer(asked, config, use_tqdm=False) for token in one.choices[0].token_ids}


@pytest.mark.parametrize("token", ["<|image_pad|>", "<|video_pad|>"])
def test_without_a_guard_ms_swift_ends_the_training(engine: Any, token: str) -> None:
    """When this passes no more, the guard may go."""
    from swift.rl_core.data import GRPOSample
    from swift.rlhf_trainers.utils import encode_sample

    messages = [{"role": "user", "content": "2 + 2 ="}, {"role": "assistant", "content": ""}]
    ids = engine.tokenizer.encode(f"4{token}<|im_end|>")
    template = engine.template
    template.set_mode("train")
    try:
        with pytest.raises(TypeError):
            encode_sample(GRPOSample(messages=messages, response_token_ids=ids, add_eos=False), template)
    finally:
        template.set_mode("transformers")


def test_with_the_guard_no_such_token_is_sampled(engine: Any, unguarded: Any) -> None:
    media = set(engine.tokenizer.convert_tokens_to_ids(list(media_tokens.TOKENS)))
    assert sampled(engine) & media == media
    media_tokens.guard()
    guarded = unguarded._prepare_generation_config
    media_tokens.guard()
    assert unguarded._prepare_generation_config is guarded  # once
    found = sampled(engine)
    assert len(found) > 4
    assert not found & media
