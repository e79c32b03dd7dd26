"""What this machine has and lacks for a run: one line per check, each lack with its fix."""

from omnitune.doctor.check import Check, as_json, as_text
from omnitune.doctor.checks import examine

__all__ = ["Check", "as_json", "as_text", "examine"]
