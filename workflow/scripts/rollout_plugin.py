"""Prepares what samples for GRPO: no tokens of media, and on a CPU a vLLM that takes the weights of each step.

An external plugin of ms-swift, loaded by the training and, where one samples, by the server.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from omnitune import media_tokens
from omnitune.trainer import vllm_cpu

vllm_cpu.prepare()
media_tokens.guard()
