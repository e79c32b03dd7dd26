"""What the processes of a pool are asked for in tests: each job is a word and a number, `hang 60`."""

import os
import resource
import signal
import time
from pathlib import Path


def do(job: bytes) -> bytes:
    """The reply to a job; some end their process, and some never end."""
    word, number = _words(job)
    if word == "kill":
        os.kill(os.getpid(), signal.Signals(number))
    if word == "exit":
        os._exit(number)
    if word == "hang":
        time.sleep(number)
    if word == "spin":
        begun = time.process_time()
        while time.process_time() - begun < number:
            pass
    if word == "pid":
        return str(os.getpid()).encode()
    if word == "big":
        return bytes(number)
    return job


def seconds(job: bytes) -> float:
    """Half a second for those that hang."""
    return 0.5 if job.startswith(b"hang") else 60.0


def _words(job: bytes) -> tuple[str, int]:
    word, number = job.decode().split()
    return word, int(number)


def try_limit(job: bytes) -> bytes:
    """What a confined process gets for an attempt."""
    word, number = _words(job)
    try:
        if word == "memory":
            bytearray(number)
        elif word == "write":
            with Path("/dev/shm/omnitune-test").open("wb") as file:
                file.write(bytes(number))
        elif word == "files":
            _held = [os.open("/dev/null", os.O_RDONLY) for _ in range(number)]
        elif word == "core":
            return str(resource.getrlimit(resource.RLIMIT_CORE)).encode()
        elif word == "words":
            print("a decoder's words")
            os.write(2, b"more of them")
    except (OSError, MemoryError) as error:
        return repr(error).encode()
    finally:
        Path("/dev/shm/omnitune-test").unlink(missing_ok=True)
    return b"done"
