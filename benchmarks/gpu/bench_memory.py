"""Measure what a step of training takes of a GPU's memory, beside what `omnitune/fit/memory.py` reckons.

{swift environment}/bin/python benchmarks/gpu/bench_memory.py    (one GPU of 80 GiB or more, a minute)

The text model has its real widths, random weights and few layers; LoRA of rank 8 is on its attention. A step is
forward, loss and backward by transformers and peft, without the float32 copy of the output that a trainer's mixed
precision makes. Ends with 1 when a step takes more than is reckoned, or less than 80 % of it.
"""

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "workflow/scripts"))

import torch
import transformers
from peft import LoraConfig, get_peft_model

from omnitune import fit
from omnitune.demo import tiny_config
from omnitune.fit.shape import PUBLISHED, PUBLISHED_TEXT, measured

CASES = [  # layers, whether the experts are adapted, checkpointing, rows, tokens of each
    (4, False, True, 1, 2048), (4, False, True, 4, 2048), (4, False, False, 1, 4096), (4, False, False, 4, 2048),
    (4, True, True, 1, 2048), (4, True, False, 1, 2048),
    (8, False, True, 1, 512), (8, False, True, 1, 2048), (8, False, True, 4, 2048),
    (8, False, False, 1, 4096), (8, False, False, 4, 2048), (8, True, True, 1, 2048), (8, True, False, 1, 2048),
]  # fmt: skip
LEAST = 0.8
GIB = 2**30


def build(layers: int, experts: bool) -> Any:
    """The thinker with real widths of text and small towers, wrapped for LoRA."""
    ids: defaultdict[str, int] = defaultdict(lambda: 151_000 + len(ids))
    words = tiny_config.thinker(ids, {"user": 872}, PUBLISHED_TEXT["vocab_size"])
    words["text_config"] |= PUBLISHED_TEXT | {
        "num_hidden_layers": layers,
        "rope_scaling": {
            "rope_type": "default", "mrope_section": [24, 20, 20], "interleaved": True, "mrope_interleaved": True,
        },
    }  # fmt: skip
    words["vision_config"]["out_hidden_size"] = words["audio_config"]["output_dim"] = PUBLISHED_TEXT["hidden_size"]
    config = transformers.Qwen3OmniMoeConfig(thinker_config=words, enable_audio_output=False)
    torch.manual_seed(0)
    with torch.device("cuda"):
        dtype = torch.get_default_dtype()
        torch.set_default_dtype(torch.bfloat16)
        model = transformers.Qwen3OmniMoeThinkerForConditionalGeneration(config.thinker_config)
        torch.set_default_dtype(dtype)
    names = [
        name for name, _ in model.named_modules()
        if name.startswith("model.layers.") and name.endswith(("q_proj", "k_proj", "v_proj", "o_proj"))
    ]  # fmt: skip
    targets = ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"] if experts else None
    model.enable_input_require_grads()
    return get_peft_model(
        model, LoraConfig(r=8, lora_alpha=32, target_modules=names, target_parameters=targets, lora_dropout=0.0)
    )


def step_gib(model: Any, checkpointing: bool, rows: int, tokens: int) -> float:
    """Peak of a step less what lies there between steps."""
    if checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    else:
        model.gradient_checkpointing_disable()
    model.train()
    words = torch.randint(0, 100_000, (rows, tokens), device="cuda")
    peak = 0.0
    for _ in range(2):  # the first also makes the gradients and compiles kernels
        between = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        model(input_ids=words, attention_mask=torch.ones_like(words), labels=words).loss.backward()
        torch.cuda.synchronize()
        peak = (torch.cuda.max_memory_allocated() - between) / GIB
    return peak


def main() -> int:
    """Print a row for each case."""
    print(torch.cuda.get_device_name(), "torch", torch.__version__, "transformers", transformers.__version__)
    print(
        f"{'layers':>6} {'experts':>7} {'checkpointing':>13} {'rows':>4} {'tokens':>6} {'GiB':>7} {'reckoned':>8}"
    )
    wrong, built, model = 0, None, None
    for layers, experts, checkpointing, rows, tokens in CASES:
        if built != (layers, experts):
            del model
            torch.cuda.empty_cache()
            model, built = build(layers, experts), (layers, experts)
        found = step_gib(model, checkpointing, rows, tokens)
        shape = measured(PUBLISHED | {"text_config": PUBLISHED_TEXT | {"num_hidden_layers": layers}})
        setup = fit.Setup(
            shape, 1, 141, experts=experts, deepspeed="none", micro_batch=rows, tokens=tokens,
            gradient_checkpointing=checkpointing,
        )  # fmt: skip
        parts = fit.need(setup).moments["train"]
        reckoned = parts["activations"] + parts.get("adapted experts", 0.0)
        wrong += not LEAST * reckoned <= found <= reckoned
        print(
            f"{layers:6} {experts!s:>7} {checkpointing!s:>13} {rows:4} {tokens:6} {found:7.2f} {reckoned:8.2f}",
            flush=True,
        )
    print(json.dumps({"wrong": wrong}))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
