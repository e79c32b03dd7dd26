"""An external plugin of ms-swift for GRPO: every reward by its name, and a guard against empty completions."""

import os
import sys
from pathlib import Path

from swift.rewards import orms

sys.path.insert(0, str(Path(__file__).parent))

from omnitune import empty_completions, rewards

rewards.register(orms, os.environ)
empty_completions.guard()
