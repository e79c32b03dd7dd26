"""Tells ms-swift to hold GRPO's rollout against its trainer; an external plugin of ms-swift.

Loaded by the training and, where one samples, by the server.
"""

import sys
from pathlib import Path
from typing import Any

from swift.callbacks import TrainerCallback, callbacks_map

sys.path.insert(0, str(Path(__file__).parent))

from omnitune.trainer import rollout_check, vllm_cpu


class RolloutCallback(TrainerCallback):
    """Checks the rollout from the first step of a training on."""

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Begin to watch."""
        rollout_check.watch(self.trainer)


callbacks_map[rollout_check.NAME] = RolloutCallback
vllm_cpu.prepare()
