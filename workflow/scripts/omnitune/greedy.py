"""A model's greedy answers with the logits behind each token, by ms-swift's own engine, in its environment."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omnitune.records import Record

if TYPE_CHECKING:
    import numpy as np

# Of one row: the tokens, and the logits over the vocabulary that each was chosen from (steps x words, float32).
Answer = tuple["np.ndarray[Any, Any]", "np.ndarray[Any, Any]"]


def write(path: Path, answers: Sequence[Answer]) -> None:
    """Keep a model's answers as a file."""
    import numpy as np

    arrays = {
        f"{kind}{row}": array for row, pair in enumerate(answers) for kind, array in zip("tl", pair, strict=True)
    }
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def read(path: Path) -> list[Answer]:
    """The answers that `write` kept."""
    import numpy as np

    with np.load(path, allow_pickle=False) as arrays:
        return [(arrays[f"t{row}"], arrays[f"l{row}"]) for row in range(len(arrays.files) // 2)]


def answers(
    model: str, adapter: str | None, rows: Sequence[Record], *, dtype: str, device: str | None, tokens: int
) -> list[Answer]:
    """Answer each row by itself, without the answer that it carries.

    Args:
        model: folder of a model.
        adapter: folder of an adapter on it, or None.
        rows: what to answer.
        dtype: float32 or bfloat16.
        device: device map of ms-swift; None spreads the model over the GPUs that are seen.
        tokens: of an answer, at most.
    """
    import gc

    import torch

    found = list(_answers(model, adapter, rows, dtype=dtype, device=device, tokens=tokens))
    # The next model needs the room.
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return found


def _answers(
    model: str, adapter: str | None, rows: Sequence[Record], *, dtype: str, device: str | None, tokens: int
) -> Iterator[Answer]:
    import torch
    from swift.infer_engine import InferRequest, RequestConfig, TransformersEngine

    engine = TransformersEngine(
        model,
        adapters=[adapter] if adapter else None,
        torch_dtype=getattr(torch, dtype),
        model_type="qwen3_omni_moe",
        template_type="qwen3_omni",
        device_map=device,
        max_batch_size=1,
    )
    seen: list[Answer] = []

    def keep(logits: Any, generated: Any, _: Any) -> None:
        """In the place of the engine's own, which would make log-probabilities of the likeliest words."""
        steps = torch.stack([step[0] for step in logits]).float().cpu().numpy()
        seen.append((generated[0].cpu().numpy()[: len(steps)], steps))

    engine.preprocess_logits = keep
    for row in rows:
        turns = [{"role": message.role, "content": message.content} for message in row.messages]
        InferRequest.remove_response(turns)
        media = {f"{kind}s": getattr(row, f"{kind}s") for kind in ("image", "audio", "video")}
        engine.infer(
            [InferRequest(messages=turns, **media)], RequestConfig(max_tokens=tokens, temperature=0, logprobs=True)
        )
        yield seen.pop()
