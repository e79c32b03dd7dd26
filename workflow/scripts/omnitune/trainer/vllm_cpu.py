"""vLLM on a CPU as a rollout: what ms-swift needs of it that it does not do.

On a CPU vLLM packs weights as its processor likes them and drops the originals, so that those of the next step
have nowhere to go. On GPUs none of this is needed, and nothing is changed.
"""

from importlib.util import find_spec
from typing import Any


def prepare() -> None:
    """Make this process's vLLM take new weights, if it is one for CPUs; must come before a model is loaded."""
    if find_spec("vllm") is None:
        return
    from vllm.platforms import current_platform

    if current_platform.is_cpu():
        _keep_weights()
        _pack_experts_again()
        _count_no_devices()


def _keep_weights() -> None:
    """Linear layers compute with the weights as they were loaded; of packed ones nothing else would be left."""
    import torch
    from vllm.model_executor.layers import utils

    def keep(layer: Any, remove_weight: bool) -> None:
        layer.cpu_linear = torch.nn.functional.linear

    utils.dispatch_cpu_unquantized_gemm = keep


def _pack_experts_again() -> None:
    """Experts are packed in place when a model is loaded, and when its weights are loaded anew they must be again.

    vLLM 0.32 does it the first time only: from the second on, raw weights would be read as packed ones.
    """
    from vllm.model_executor.layers.fused_moe.unquantized_fused_moe_method import UnquantizedFusedMoEMethod

    first = UnquantizedFusedMoEMethod._setup_kernel

    def setup(self: Any, layer: Any, w13: Any, w2: Any) -> None:
        again = self.moe_kernel is not None
        first(self, layer, w13, w2)
        if again:
            self.moe_kernel.fused_experts.process_weights_after_loading(layer)

    UnquantizedFusedMoEMethod._setup_kernel = setup


def _count_no_devices() -> None:
    """`swift rollout` refuses to start with fewer GPUs than copies of the model."""
    from swift.arguments import RolloutArguments

    RolloutArguments._check_device_count = lambda self: None
