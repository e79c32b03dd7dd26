"""Run one ms-swift command: own process group, one log, forwarded signals, a watchdog, failures explained."""

from omnitune.supervisor.child_environment import environment
from omnitune.supervisor.command import GRACE_SECONDS, run
from omnitune.supervisor.output import keep_last
from omnitune.supervisor.signals import Stopped
from omnitune.supervisor.watchdog import Limits

__all__ = ["GRACE_SECONDS", "Limits", "Stopped", "environment", "keep_last", "run"]
