"""`infer:` answers to the test rows."""

from typing import Literal

from pydantic import Field

from omnitune.config.base import Positive, Section

InferStage = Literal["base", "sft", "grpo", "merge"]


class InferConfig(Section):
    """Inference on the test rows, the same for every model compared."""

    stages: list[InferStage] = Field(
        ["base", "merge"],
        min_length=1,
        description="Whose answers: the untouched base, an adapter (sft, grpo), the final model (merge).",
    )
    backend: Literal["transformers", "vllm"] = Field(
        "transformers", description="What generates; vllm takes whole models only, so no answers of sft or grpo."
    )
    gpus: Positive = Field(1, le=64, description="GPUs of an inference job; counts as 0 with `device: cpu`.")
    batch_size: Positive = Field(16, description="Rows generated at once.")
    max_new_tokens: Positive = Field(2048, description="Tokens of an answer, at most.")
    temperature: float = Field(0, ge=0, le=2, strict=False, description="0 decodes greedily.")
