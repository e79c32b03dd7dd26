"""The plugin as ms-swift imports it, and the signs of life that its callback gives."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

from omnitune.environments import ROOT
from omnitune.trainer import heartbeat
from omnitune.trainer.callback import Callback
from omnitune.trainer.heartbeat import Heartbeat

# ms-swift imports a plugin by its path, before it loads anything large.
IMPORTED = """
import os, signal, sys, types
callbacks = types.ModuleType("swift.callbacks")
callbacks.TrainerCallback, callbacks.callbacks_map = object, {}
sys.modules |= {"swift": types.ModuleType("swift"), "swift.callbacks": callbacks}
import trainer_plugin
assert "omnitune" in callbacks.callbacks_map
os.kill(os.getpid(), signal.SIGUSR1)
print("it goes on")
"""


def test_stacks_can_be_asked_for_as_soon_as_the_plugin_is_imported():
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED], env={**os.environ, "PYTHONPATH": str(ROOT / "workflow/scripts")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "it goes on\n"), done.stderr
    assert "(most recent call first)" in done.stderr


def test_a_rollout_is_a_phase_of_its_own(tmp_path: Path):
    """Nothing beats while completions are sampled, and that may take long."""
    phases = []

    def sample(inputs: str) -> str:
        phases.append(heartbeat.read(tmp_path)[0].phase)
        return inputs.upper()

    callback = Callback.__new__(Callback)  # ms-swift makes it from a whole trainer
    state = SimpleNamespace(global_step=3, max_steps=9)
    callback.trainer = SimpleNamespace(_generate_and_score_completions=sample, state=state)
    callback._heartbeat = Heartbeat(tmp_path, 0)
    callback._watch_rollouts()
    assert callback.trainer._generate_and_score_completions("rows") == "ROWS"
    assert phases == ["rollout"]
    assert heartbeat.read(tmp_path)[0].phase == "train"
