"""Gives ms-swift's trainings a heartbeat, a graceful stop and sealed checkpoints: an external plugin of it."""

import faulthandler
import signal
import sys
from pathlib import Path

from swift.callbacks import TrainerCallback, callbacks_map

sys.path.insert(0, str(Path(__file__).parent))

from omnitune.trainer import deepspeed_cpu
from omnitune.trainer.callback import NAME, Callback
from omnitune.trainer.parent import die_with_parent


class OmnituneCallback(Callback, TrainerCallback):
    """What ms-swift makes of `--callbacks omnitune`, once for each process."""


# SIGUSR1 puts the stacks of all threads into the log: where a process that gives no sign of life stands.
faulthandler.register(signal.SIGUSR1, file=2, all_threads=True)  # whatever stands in for sys.stderr
callbacks_map[NAME] = OmnituneCallback
deepspeed_cpu.prepare()
die_with_parent()
