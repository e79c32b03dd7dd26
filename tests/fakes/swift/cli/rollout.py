"""`swift rollout` as the launcher sees it: a process that listens, and a worker of it that holds the model.

OMNITUNE_FAKE: as in `swift deploy`; `worker@SECONDS` loses the worker so long after it listens.
"""

import os
import subprocess
import sys
import threading
import time

from swift.cli.deploy import main


def _lose_the_worker(worker: "subprocess.Popen[bytes]", seconds: float) -> None:
    time.sleep(seconds)
    worker.kill()


if __name__ == "__main__":
    started = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    fault, _, at = os.environ.get("OMNITUNE_FAKE", "").partition("@")
    if fault == "worker":
        threading.Thread(target=_lose_the_worker, args=(started, float(at)), daemon=True).start()
    main()
