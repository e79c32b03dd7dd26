"""What a child may see of our environment: a variable exported by chance must not change the training."""

import os
import re
from collections.abc import Mapping

_ALLOWED = re.compile(
    r"PATH|HOME|USER|LOGNAME|LANG|LC_.*|TZ|TMPDIR|LD_LIBRARY_PATH|OMP_.*|OPENBLAS_.*|MKL_.*|CUDA_.*|NVIDIA_.*|NCCL_.*|"
    r"GLOO_.*|SLURM_.*|TORCH_EXTENSIONS_DIR|TRITON_CACHE_DIR|CC|CXX|PYTHONPATH|OMNITUNE_.*"
)


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """The child's environment: what is allowed of ours, then `extra`; offline unless it says otherwise."""
    kept = {name: value for name, value in os.environ.items() if _ALLOWED.fullmatch(name)}
    ours = {
        "HF_HUB_OFFLINE": "1",
        "USE_HF": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True",
        "PYTHONUNBUFFERED": "1",
    }
    return {**kept, **ours, **extra}
