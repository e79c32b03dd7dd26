"""What a training of the 30B needs of a GPU: the estimate by which `recipe: fast` sizes the micro-batch.

Bytes a token were measured on one H200 (torch 2.11.0, transformers 5.17.0, bfloat16, LoRA rank 8 on the attention,
real widths, 4 to 16 layers, batches of 512 to 8192 tokens, 2026-11-29): peak memory of a step is linear in tokens
and layers to 1 %. Sizes are those of Qwen3-Omni-30B-A3B; other bases are smaller.
"""

from dataclasses import dataclass

GIB = 2**30
LAYERS = 48
WEIGHTS = 63.4e9  # bytes of the thinker in bfloat16, which is what is loaded
# Bytes a token: logits over 152,064 words with their gradient, and what a layer keeps for the way back.
LOGITS = 2.14e6
KEPT = 0.155e6
KEPT_CHECKPOINTED = 0.0041e6
# Of a layer whose experts are adapted: their weights with the update, kept too when nothing is computed twice.
EXPERT_WEIGHTS = 1.22 * GIB
# Bytes a trained parameter: gradient, and AdamW's two moments with a float32 copy.
GRADIENT, OPTIMIZER = 2, 12


@dataclass(frozen=True)
class Load:
    """A training as the memory sees it.

    Attributes:
        trained: parameters that get a gradient.
        experts: whether an adapter reaches the experts.
        deepspeed: preset, or none.
        processes: GPUs that share the work.
        tokens: of the longest row (max_length).
    """

    trained: float
    experts: bool
    deepspeed: str
    processes: int
    tokens: int

    def fits(self, gib: int, micro_batch: int, checkpointing: bool) -> bool:
        """Whether a batch of longest rows fits a GPU with so much memory."""
        return self.need(micro_batch, checkpointing) <= 0.95 * gib - 2  # fragments; CUDA's own

    def need(self, micro_batch: int, checkpointing: bool) -> float:
        """GiB of one GPU."""
        kept = KEPT_CHECKPOINTED if checkpointing else KEPT
        step = micro_batch * self.tokens * (LOGITS + LAYERS * kept)
        if self.experts:
            step += EXPERT_WEIGHTS * (2 if checkpointing else LAYERS)
        return (self._states() + step) / GIB

    def _states(self) -> float:
        """Bytes that lie on a GPU between steps: weights, gradients, optimizer, each shared or whole."""
        stage = int(self.deepspeed[4]) if self.deepspeed.startswith("zero") else 0
        offloaded = self.deepspeed.endswith("_offload")
        share = [1 / self.processes if stage >= least else 1 for least in (3, 2, 1)]
        weights, gradients, optimizer = share
        # Of sharded weights a layer and the next are there whole while they are used.
        held = 2 * WEIGHTS / LAYERS + (0 if offloaded else WEIGHTS * weights) if stage == 3 else WEIGHTS
        return held + self.trained * (GRADIENT * gradients + (0 if offloaded else OPTIMIZER * optimizer))
