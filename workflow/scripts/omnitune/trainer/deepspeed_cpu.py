"""ZeRO-3 on a CPU: what accelerate does for DeepSpeed on GPUs, and not here.

On a CPU accelerate starts torch's process group by itself. DeepSpeed has not heard of it when the model is loaded
in shares, counts one process, and refuses the batch size. On GPUs nothing is changed.
"""

import sys
from typing import Any


def prepare() -> None:
    """Tell DeepSpeed of the processes when it first shares out a model, if it computes on CPUs."""
    if "--deepspeed" not in sys.argv:
        return
    import deepspeed
    from deepspeed.accelerator import get_accelerator

    if get_accelerator().device_name() != "cpu":
        return
    share_out = deepspeed.zero.Init.__init__

    def told(self: Any, *args: Any, **kwargs: Any) -> None:
        if not deepspeed.comm.is_initialized():
            deepspeed.init_distributed(dist_backend="gloo")
        share_out(self, *args, **kwargs)

    deepspeed.zero.Init.__init__ = told
