"""A mender's job in tests: a file that holds words for `pool_jobs` is done what they say, another is mended."""

from pathlib import Path

import pool_jobs

from omnitune.media.mend import Task, mend_encoded


def mend_or_die(job: tuple[Task, Path]) -> bytes:
    """The reply to a job; some files end their process, and some never end."""
    content = Path(job[0].path).read_bytes()
    if not content.startswith(b"RIFF"):
        (job[1] / ".half.tmp").write_bytes(b"what a kill leaves")
        pool_jobs.do(content)
    return mend_encoded(job)
