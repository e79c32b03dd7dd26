"""How the runs of this folder stand, read from what they left on disk."""

from omnitune.status.live import watch
from omnitune.status.runs import examine
from omnitune.status.text import as_text

__all__ = ["as_text", "examine", "watch"]
