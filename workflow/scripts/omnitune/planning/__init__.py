"""What a run would do now, told to a person: the jobs by stage, and why each stage is not up to date."""

from omnitune.planning.causes import Causes
from omnitune.planning.jobs import Job
from omnitune.planning.needs import needs
from omnitune.planning.settings import differences
from omnitune.planning.text import as_text

__all__ = ["Causes", "Job", "as_text", "differences", "needs"]
