"""What `decode` accepts is read by the real ms-swift and decord, and as long and large as is counted.

Files with their bytes changed at random, each by a seed of its own, which a failure names:
`OMNITUNE_FUZZ_SEED=1234` begins with it. With full counts the whole catalogue is read, too.
"""

import json
import math
import random
import selectors
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import odd_media
import pytest
from bad_media import BAD, LIST, NOISE, noise, pcm, riff
from full import FULL, FUZZ_SECONDS, FUZZ_SEED
from good_media import GOOD
from media_files import video, wav
from media_fuzz import Original, changed

from omnitune.config.validate import ValidateConfig
from omnitune.media.inspect import Inspector
from omnitune.media.inspection import Inspection
from omnitune.tokens.audio import resampled, resampled_stream
from omnitune.tokens.budget import MediaBudget
from omnitune.tokens.unknown import Unknown
from omnitune.tokens.video import sampled_frames
from omnitune.validation.policy import Policy

PEERS = Path(__file__).parents[1] / "peers.py"
SECONDS = FUZZ_SECONDS / 6
FILES = 96
# A file gets so long; the slowest take a hundredth of it. A busy machine imports ms-swift in minutes.
START_SECONDS, LIMIT_SECONDS = 600, 60
POLICY = Policy()


class Peer:
    """One program of the training's, started again when a file ends or stops it."""

    def __init__(self, python: Path, reader: str) -> None:
        self._command = [python, PEERS, reader]
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Returns at once; the first answer takes as long as the start does."""
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._seconds = START_SECONDS

    def read(self, modality: str, path: Path) -> Any:
        """What it makes of a file; a text when it fails."""
        if self._process is None or self._process.poll() is not None:
            self.start()
        assert self._process
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps([modality, str(path)]).encode() + b"\n")
        self._process.stdin.flush()
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            line = self._process.stdout.readline() if selector.select(self._seconds) else b""
        self._seconds = LIMIT_SECONDS
        if line:
            return json.loads(line)
        self.close()
        return "it ended or stopped the reader"

    def close(self) -> None:
        if self._process:
            self._process.kill()
            self._process.communicate()
            self._process = None


@pytest.fixture(scope="module")
def peers(swift_python: Path) -> Iterator[dict[str, Peer]]:
    swift, decord = Peer(swift_python, "swift"), Peer(swift_python, "decord")
    yield {"audio": swift, "image": swift, "video": decord}
    swift.close()
    decord.close()


def originals(folder: Path) -> list[Original]:
    """Small good files of every format."""
    folder.mkdir(parents=True)
    made: list[tuple[str, Path]] = []
    for name in ("PCM_16", "PCM_U8", "PCM_24", "FLOAT"):
        made.append(("audio", wav(folder / f"{name}.wav", 0.5, subtype=name)))
    made.append(("audio", wav(folder / "x.wav", 0.5, format="WAVEX", channels=2)))
    for name, parts in (("before", {"before": LIST}), ("after", {"after": LIST})):
        (folder / f"{name}.wav").write_bytes(riff(pcm(), NOISE[:16_000], **parts))
        made.append(("audio", folder / f"{name}.wav"))
    made += [("audio", wav(folder / f"a.{form}", 0.5, format=form)) for form in ("FLAC", "MP3", "OGG", "AIFF")]
    made.append(("audio", wav(folder / "a.opus", 0.5, format="OGG", subtype="OPUS")))
    for name, *form in odd_media.SOUNDS:
        made.append(("audio", odd_media.write_sound(folder / name, *form, 16_000)))
    for name, options in (
        ("a.png", {}), ("p.png", {"mode": "P"}), ("l.png", {"mode": "L"}), ("a.jpg", {}), ("l.jpg", {"mode": "L"}),
        ("p.jpg", {"progressive": True}), ("a.webp", {}), ("l.webp", {"lossless": True}), ("a.gif", {"mode": "P"}),
        ("a.bmp", {}),
    ):  # fmt: skip
        made.append(("image", noise(folder / name, (64, 48), **options)))
    for name, codec, options in (
        ("a.mp4", "libx264", {"sound": True}), ("m.mp4", "mpeg4", {}), ("f.mp4", "libx264", {"faststart": True}),
        ("g.mp4", "libx264", {"fragments": True}), ("a.mov", "libx264", {"sound": True}), ("a.mkv", "libx264", {}),
        ("s.mkv", "mpeg4", {"sound": True}), ("a.webm", "libvpx", {"sound": True}), ("9.webm", "libvpx-vp9", {}),
        ("a.avi", "mpeg4", {"sound": True}), ("l.mkv", "libx264", {"live": True}),
    ):  # fmt: skip
        made.append(("video", _moving(folder / name, codec, **options)))
    for name, *form in odd_media.CLIPS:
        if name in ("a.ts", "a.mpg", "a.flv", "a.wmv"):
            made.append(("video", odd_media.write_clip(folder / f"c{name}", *form)))
    return [Original(path.name, modality, path.read_bytes()) for modality, path in made]


def _moving(path: Path, codec: str, **options: Any) -> Path:
    return video(path, 24, (96, 64), codec=codec, seconds=2.9, noisy=True, **options)


class Miss(NamedTuple):
    """A file that was accepted and should not have been, or is not what is counted."""

    seed: int
    path: str
    ours: Any
    theirs: Any


def expected(found: Inspection) -> Any:
    """What the reader must give of a file that is accepted; a text when it must not be used."""
    probe = found.probe
    assert probe
    if probe.modality == "image":
        return [probe.width, probe.height]
    if probe.modality == "audio":
        if probe.format.isupper():
            return resampled(probe.frames, probe.sample_rate, 16_000) if probe.counted else None
        return resampled_stream(probe.audio_samples, probe.audio_rate or probe.sample_rate, 16_000)
    try:
        taken = sampled_frames(probe.frames, probe.fps, MediaBudget())
    except Unknown as error:
        return str(error)
    turned = probe.rotation in (90, 270)
    return [taken, *((probe.height, probe.width) if turned else (probe.width, probe.height))]


def accepted(found: Inspection) -> bool:
    """Whether it is used as it is."""
    return found.probe is not None and not {POLICY.action(finding.code) for finding in found.findings} & {
        "reject", "fail", "repair",
    }  # fmt: skip


def miss(seed: int, path: Path, modality: str, found: Inspection, peer: Peer) -> Miss | None:
    """Hold an accepted file against its reader."""
    ours, theirs = expected(found), peer.read(modality, path)
    codes = [finding.code for finding in found.findings]
    if isinstance(theirs, str) or isinstance(ours, str):
        return Miss(seed, str(path), codes, theirs)
    if modality == "audio":
        same = ours in (None, theirs[0]) and math.isfinite(theirs[1]) and theirs[1] < 100
    elif modality == "image":
        same = ours == theirs
    else:
        same = ours == theirs[2:]
    return None if same else Miss(seed, str(path), (ours, codes, found.probe), theirs)


def test_what_is_accepted_is_read_by_the_training(tmp_path: Path, peers: dict[str, Peer]):
    files = originals(tmp_path / "originals")
    for modality, peer in peers.items():
        first = next(file for file in files if file.modality == modality)
        assert not isinstance(peer.read(modality, tmp_path / "originals" / first.name), str)
    seed, misses, counts = FUZZ_SEED, list[Miss](), Counter[str]()
    begun = time.monotonic()
    with Inspector(ValidateConfig(media="decode", processes=2, decode_seconds=10)) as inspector:
        while not counts or (not misses and time.monotonic() - begun < SECONDS):
            made = []
            for number in range(FILES):
                draw = random.Random(seed)
                original = files[seed % len(files)]
                path = tmp_path / f"{number}-{original.name}"
                joined = original.content if draw.random() < 0.03 else b""
                path.write_bytes(changed(original.content, files, draw) + joined)
                made.append((seed, original.modality, path))
                seed += 1
            seen = inspector.inspect([(modality, str(path)) for _, modality, path in made])
            for (own, modality, path), found in zip(made, seen, strict=True):
                counts[f"{modality} {'accepted' if accepted(found) else 'refused'}"] += 1
                if accepted(found) and (wrong := miss(own, path, modality, found, peers[modality])):
                    misses.append(wrong)
    print(dict(counts))
    assert misses == []
    assert len(counts) == 6


@pytest.mark.skipif(not FULL, reason="make test-full runs it")
def test_what_is_accepted_of_the_catalogue_is_read_by_the_training(tmp_path: Path, peers: dict[str, Peer]):
    made = []
    for number, file in enumerate((*BAD, *GOOD)):
        (tmp_path / str(number)).mkdir()
        made.append((file.modality, file.make(tmp_path / str(number))))
    with Inspector(ValidateConfig(media="decode", processes=2)) as inspector:
        seen = inspector.inspect([(modality, str(path)) for modality, path in made])
    misses = [
        wrong
        for (modality, path), found in zip(made, seen, strict=True)
        if accepted(found) and (wrong := miss(0, path, modality, found, peers[modality]))
    ]
    assert misses == []
