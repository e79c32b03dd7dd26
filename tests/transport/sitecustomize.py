"""A stand-in for NCCL, for tests of the rollout server on a machine without GPUs.

Put this folder on PYTHONPATH: every Python that starts then hands weights from the training to the server through
the store by which the two found each other, where on GPUs NCCL would. Nothing else of the protocol is replaced,
and what is shown with it is not shown of NCCL.
"""

import importlib.abc
import importlib.util
import sys
from types import ModuleType
from typing import Any

_NCCL = "vllm.distributed.device_communicators.pynccl"


def _replace(module: Any) -> None:
    import contextlib

    import torch

    class Communicator:
        """As much of vLLM's PyNcclCommunicator as ms-swift uses."""

        def __init__(self, group: Any, device: Any = None, library_path: Any = None) -> None:
            self.group, self.rank, self.world_size = group, group.rank, group.world_size
            self.device = torch.device("cpu")
            self.available, self.disabled = True, False

        def broadcast(self, tensor: Any, src: int, stream: Any = None) -> None:
            received = self.group.broadcast(tensor.detach().contiguous(), src)
            if self.rank != src:
                tensor.copy_(received)

    module.PyNcclCommunicator = Communicator
    # ms-swift names the device that it sends from, and waits for it; a CPU has neither.
    torch.cpu.device = lambda device=None: contextlib.nullcontext()  # type: ignore[attr-defined]
    torch.cuda.synchronize = lambda *_, **__: None  # type: ignore[assignment]


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != _NCCL:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        assert spec
        assert spec.loader
        load = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            load(module)
            _replace(module)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


sys.meta_path.insert(0, _Finder())
