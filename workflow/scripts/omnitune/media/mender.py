"""Media that a policy repairs: written anew under the run's folder, the originals untouched.

They are decoded in confined processes, as they are when they are inspected: what a file does to its process costs
that file alone.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from omnitune.config.validate import ValidateConfig
from omnitune.media.examine import CRASH, LIMITS
from omnitune.media.inspect import BYTES_A_SECOND
from omnitune.media.inspection import Inspection
from omnitune.media.mend import DECODED, LARGEST, Made, Task, mend_encoded
from omnitune.media.pool import Lost, Pool
from omnitune.validation.codes import Finding

# To code a clip takes about this many times as long as to decode it.
_CODING = 10
# Files handed over at a time.
_MENDED_TOGETHER = 4
# Rows that share media often stand near each other.
_RECENT = 8192
_decode_made = msgspec.msgpack.Decoder(Made).decode


class Mender:
    """Puts media right; rows that share a medium share what was made of it, or why nothing was.

    Args:
        folder: where they are written; made with the first.
        settings: how many processes there are, and how long and large a file may be.
    """

    def __init__(self, folder: Path, settings: ValidateConfig | None = None) -> None:
        self._folder, self._settings = Path(os.path.realpath(folder)), settings or ValidateConfig()
        self._pool: Pool[tuple[Task, Path]] = Pool(mend_encoded, self._settings.processes, LARGEST)
        self._made: dict[Task, str | Finding] = {}

    def mend(self, media: Sequence[tuple[str, str, Inspection]]) -> list[str | Finding]:
        """The absolute path of each (modality, path, inspection) with its findings put right, or why not.

        Raises:
            OSError: the folder cannot be written to.
        """
        return self.make([self._task(*medium) for medium in media])

    def make(self, tasks: Sequence[Task]) -> list[str | Finding]:
        """What was made for each task, or why nothing was; it raises as `mend` does."""
        fresh = [task for task in dict.fromkeys(tasks) if task not in self._made]
        self._made |= zip(fresh, self._work(fresh), strict=True)
        made = [self._made[task] for task in tasks]
        while len(self._made) > _RECENT:
            del self._made[next(iter(self._made))]
        return made

    def close(self) -> None:
        """End the processes."""
        self._pool.close()

    def _task(self, modality: str, path: str, inspection: Inspection) -> Task:
        duration = inspection.probe.duration if inspection.probe else 0.0
        # A header may be a little wrong, but a file of a few bytes may hold hours of silence.
        longest = max(self._settings.audio_max_seconds, self._settings.video_max_seconds)
        seconds = 1.1 * duration + 10 if duration else longest
        return Task(modality, path, frozenset(found.code for found in inspection.findings), self._folder, seconds)

    def _work(self, tasks: Sequence[Task]) -> list[str | Finding]:
        if not tasks:
            return []
        self._folder.mkdir(parents=True, exist_ok=True)
        # A process that is killed leaves what it was at.
        with TemporaryDirectory(prefix=".mending.", dir=self._folder) as scratch:
            jobs = [(task, Path(scratch)) for task in tasks]
            replies = self._pool.map(jobs, [self._seconds(task) for task in tasks], _MENDED_TOGETHER)
        return [self._answer(task, reply) for task, reply in zip(tasks, replies, strict=True)]

    def _seconds(self, task: Task) -> float:
        try:
            size = os.stat(task.path).st_size  # noqa: PTH116 (the path is a string all along)
        except OSError:
            size = 0
        times = _CODING if task.modality == "video" else 1
        return times * self._settings.decode_seconds + size / BYTES_A_SECOND

    def _answer(self, task: Task, reply: bytes | Lost) -> str | Finding:
        if isinstance(reply, Lost):
            if reply.late:
                return Finding(LIMITS[DECODED[task.modality]], f"{task.path} is not put right ({reply.how})")
            return Finding(CRASH, f"{task.path} ends the process that puts it right ({reply.how})")
        made = _decode_made(reply)
        if made.trouble:
            raise OSError(made.trouble, os.strerror(made.trouble), str(self._folder))
        return made.finding or made.path
