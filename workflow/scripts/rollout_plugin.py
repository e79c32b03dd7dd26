"""Prepares vLLM on a CPU for the weights of each step; an external plugin of ms-swift.

Loaded by the training and, where one samples, by the server.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from omnitune.trainer import vllm_cpu

vllm_cpu.prepare()
