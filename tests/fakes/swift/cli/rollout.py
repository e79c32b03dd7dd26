"""`swift rollout` as the launcher sees it: a process that listens, its worker, and the worker's engine of vLLM.

OMNITUNE_FAKE: as in `swift deploy`; `worker@SECONDS` and `engine@SECONDS` lose the one or the other after so long.
"""

import os
import subprocess
import sys

from swift.cli.deploy import main

_WORKER = """
import subprocess, sys, time
engine = subprocess.Popen(["VLLM::EngineCore", "-c", "import time; time.sleep(600)"], executable=sys.executable)
fault, _, at = sys.argv[1].partition("@")
if fault in ("worker", "engine"):
    time.sleep(float(at))
    engine.kill()
if fault != "worker":
    time.sleep(600)
"""

if __name__ == "__main__":
    subprocess.Popen([sys.executable, "-c", _WORKER, os.environ.get("OMNITUNE_FAKE", "")])
    main()
