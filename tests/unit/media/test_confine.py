"""What a confined process can no longer do."""

import pool_jobs
import pytest

from omnitune.media.confine import MEMORY
from omnitune.media.pool import Pool


@pytest.mark.parametrize(
    ("job", "outcome"),
    [
        (f"memory {MEMORY // 2}", b"done"),
        (f"memory {MEMORY}", b"MemoryError()"),
        ("write 1", b"OSError(27, 'File too large')"),
        ("files 100", b"OSError(24, 'Too many open files')"),
        ("core 0", b"(0, 0)"),
        ("words 0", b"done"),
    ],
)
def test_limits(job, outcome, capfd):
    pool = Pool(pool_jobs.try_limit, 1)
    assert pool.map([job.encode()], [60], 1) == [outcome]
    pool.close()
    assert capfd.readouterr() == ("", "")
