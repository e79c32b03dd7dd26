"""Memory of one GPU at each moment of a training, in GiB.

Weights are bfloat16. Bytes a token are measured at real widths by benchmarks/gpu/bench_memory.py, where the peak
of a step is linear in tokens and layers (docs/design.md, section 10). They scale with the model's sizes.
"""

from dataclasses import dataclass, field

from omnitune.fit.setup import Setup

GIB = 1024**3
# What CUDA and NCCL take of a GPU, and the share that is lost between blocks when it is nearly full.
RESERVED_GIB = 2.0
FRAGMENTS = 0.05
# Of one token and one word of the vocabulary (ms-swift computes logits of every token of this model): 12 for
# logits, their float32 copy and gradients; 2 for what mixed precision copies, measured with transformers 5.17.0.
_LOGIT_BYTES = 14
# Of one token in one layer of width 2048, for the way back: all that is kept, or the layer's input alone.
_KEPT_BYTES = 165_000 / 2048
_KEPT_CHECKPOINTED_BYTES = 2
# Of the weights of a layer's experts, where they are adapted: themselves with the update, kept for the way back.
_ADAPTED_EXPERTS = 1.085
# Of one value of a layer's experts on the way to vLLM: two copies (trainer/kept_base.py), beside the update before
# and after it is scaled, in the adapter's type. Of the two tensors of a layer the larger has two thirds.
_MERGED_COPIES, _MERGED_UPDATES = 2, 2
_LARGER_TENSOR = 2 / 3
# Parts that grow with the rows; for rows of the longest length.
BY_LENGTH = frozenset({"activations", "cache"})
# What vLLM needs beside weights and cache: its own activations and graphs.
_ENGINE_GIB = 2.0


@dataclass(frozen=True)
class Need:
    """GiB of one GPU.

    Attributes:
        moments: moment -> part -> GiB. `train` is a step, `sync` the weights' way to vLLM, `sample` the rollout.
        short: GiB that vLLM lacks within its share for weights, one sequence and its work.
    """

    moments: dict[str, dict[str, float]] = field(default_factory=dict)
    short: float = 0.0

    @property
    def worst(self) -> str:
        """The moment that needs most."""
        return max(self.moments, key=self.total)

    def total(self, moment: str) -> float:
        """GiB at a moment."""
        return sum(self.moments[moment].values())

    @property
    def peak(self) -> float:
        """GiB at the worst moment, if rows of the longest length come."""
        return self.total(self.worst)

    @property
    def floor(self) -> float:
        """GiB that are needed however short the rows are."""
        return max(
            sum(gib for part, gib in parts.items() if part not in BY_LENGTH) for parts in self.moments.values()
        )

    def fits(self, gpu_gib: float) -> bool:
        """Whether rows of the longest length fit too."""
        return not self.short and self.peak <= (1 - FRAGMENTS) * gpu_gib - RESERVED_GIB

    def impossible(self, gpu_gib: float) -> bool:
        """Whether it cannot work, however short the rows are."""
        return self.short > 0 or self.floor > gpu_gib - RESERVED_GIB


def need(setup: Setup) -> Need:
    """What a training needs of each GPU."""
    states = _states(setup)
    working = {"gathered layers": _gathered(setup)} if setup.stage == 3 else {}
    if setup.experts:
        working["adapted experts"] = _adapted_experts(setup)
    share = setup.vllm_gpu_memory_utilization * setup.gpu_gib
    awake = {"vLLM": share} if setup.colocate and not setup.sleep_level else {}
    moments = {"train": states | working | awake | {"activations": _activations(setup)}}
    if setup.sampled:
        cache = setup.sampled * setup.tokens * _cache_bytes(setup) / GIB
        # ms-swift gathers all weights on every GPU for that long.
        whole = {"gathered": 2 * setup.shape.thinker / GIB} if setup.stage == 3 and setup.gathers else {}
        moments["sample"] = states | working | whole | {"cache": cache}
    short = 0.0
    moved = {}
    if setup.stage == 3:
        moved = {"gathered": _gathered_to_move(setup)}
    elif setup.experts:
        merged = 2 * _MERGED_COPIES + setup.trained_bytes * _MERGED_UPDATES
        moved = {"merged experts": merged * _LARGER_TENSOR * setup.shape.experts / GIB}
    if setup.server_tensor_parallel:
        short = max(0.0, _engine(setup, setup.server_tensor_parallel) - share)
        if moved:
            moments["sync"] = states | moved
    if setup.colocate:
        engine = 2 * setup.shape.thinker / setup.vllm_tensor_parallel_size / GIB
        short = max(0.0, _engine(setup, setup.vllm_tensor_parallel_size) - share)
        moments["sync"] = states | moved | (awake or {"vLLM's weights": engine})
        kept = {
            name: gib
            for name, gib in states.items()
            if not (setup.offload_model and name == "weights")
            and not (setup.offload_optimizer and name == "optimizer")
        }
        moments["sample"] = kept | {"vLLM": share}
    return Need(moments, short)


def _states(setup: Setup) -> dict[str, float]:
    """Weights, gradients and optimizer between two steps."""
    share = 1 / setup.gpus
    trained, loaded = setup.trained, setup.shape.thinker
    weights = 2 * loaded * (share if setup.stage == 3 else 1)
    wide = setup.trained_bytes
    if setup.tuner == "lora":
        weights += wide * trained
    if setup.reference:
        weights += 2 * loaded * (share if setup.stage == 3 else 1)
    gradients = wide * trained * (share if setup.stage >= 2 else 1)
    # DeepSpeed keeps float32 weights and two moments; plain DDP the moments in the weights' own type.
    optimizer = 2 * wide * trained
    if setup.deepspeed != "none":
        optimizer = 12 * trained * (share if setup.stage >= 1 else 1)
    if setup.deepspeed.endswith("offload"):
        optimizer = 0.0
        weights = 0.0 if setup.stage == 3 else weights
    parts = {"weights": weights, "gradients": gradients, "optimizer": optimizer}
    return {name: size / GIB for name, size in parts.items()}


def _activations(setup: Setup) -> float:
    shape, tokens = setup.shape, setup.micro_batch * setup.tokens
    kept = _KEPT_CHECKPOINTED_BYTES if setup.gradient_checkpointing else _KEPT_BYTES
    return tokens * (shape.layers * shape.hidden * kept + shape.vocabulary * _LOGIT_BYTES) / GIB


def _adapted_experts(setup: Setup) -> float:
    """What adapted experts add to a step's peak: of all layers, or of two once the logits have made room."""
    layers = 2 if setup.gradient_checkpointing else setup.shape.layers
    kept = layers * _ADAPTED_EXPERTS * 2 * setup.shape.experts / GIB
    return max(0.0, kept - _activations(setup)) if setup.gradient_checkpointing else kept


def _gathered(setup: Setup) -> float:
    """ZeRO-3 holds the layer at work and the next one, or the embeddings."""
    return 2 * 2 * max(setup.shape.layer, setup.shape.vocabulary * setup.shape.hidden / 2) / GIB


def _gathered_to_move(setup: Setup) -> float:
    """ZeRO-3 gathers all that is handed on at a time: without parts the whole model."""
    return 2 * setup.shape.thinker / (setup.move_model_batches or 1) / GIB


def _engine(setup: Setup, gpus: int) -> float:
    """The least that vLLM needs of each GPU that shares a copy: weights, one sequence and its work."""
    shared = 2 * setup.shape.thinker + setup.tokens * _cache_bytes(setup)
    return shared / gpus / GIB + _ENGINE_GIB


def _cache_bytes(setup: Setup) -> float:
    """Keys and values of one token."""
    return 2 * 2 * setup.shape.kv_width * setup.shape.layers
