"""`swift rollout` as the launcher sees it: a process that listens, its worker, and the worker's engine of vLLM.

OMNITUNE_FAKE: as in `swift deploy`; `worker@FILE` and `engine@FILE` lose the one or the other once that
file is there.
"""

import os
import subprocess
import sys

from swift.cli.deploy import main

_WORKER = """
import os, subprocess, sys, time
engine = subprocess.Popen(["VLLM::EngineCore", "-c", "import time; time.sleep(600)"], executable=sys.executable)
print(flush=True)
fault, _, file = sys.argv[1].partition("@")
if fault in ("worker", "engine"):
    while not os.path.exists(file):
        time.sleep(0.05)
    engine.kill()
if fault != "worker":
    time.sleep(600)
"""

if __name__ == "__main__":
    argv = [sys.executable, "-c", _WORKER, os.environ.get("OMNITUNE_FAKE", "")]
    worker = subprocess.Popen(argv, stdout=subprocess.PIPE)
    assert worker.stdout
    worker.stdout.readline()  # as the real one, it listens when its engine is there
    main()
