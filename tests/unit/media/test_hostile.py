"""Files made to hang or fill whoever opens them: each costs a second and little memory, at every level."""

import json
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from media_files import image, video, wav

from omnitune.environments import ROOT

# In a process of its own, so that what it and its workers used at most is the use of these files.
CHILD = """
import json, psutil, sys, time
from pathlib import Path
from omnitune.config.validate import ValidateConfig
from omnitune.media.inspect import Inspector
level, good, bad = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
found = []
with Inspector(ValidateConfig(media=level, processes=1)) as inspector:
    inspector.inspect([tuple(medium) for medium in good])
    for medium in bad:
        begun = time.process_time()
        (inspection,) = inspector.inspect([tuple(medium)])
        found.append([[finding.code for finding in inspection.findings], time.process_time() - begun])
    peaks = []
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        status = Path(f"/proc/{process.pid}/status").read_text()
        peaks.append(int(status.partition("VmHWM:")[2].split()[0]) / 1024)
print(json.dumps([found, max(peaks)]))
"""


def fifo(path: Path) -> Path:
    os.mkfifo(path)
    return path


def zeros(path: Path) -> Path:
    path.symlink_to("/dev/zero")
    return path


def playlist(path: Path) -> Path:
    path.write_text("#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n")
    return path


def list_of_files(path: Path) -> Path:
    video(path.with_name("secret.mp4"))
    path.write_text("ffconcat version 1.0\nfile secret.mp4\n")
    return path


def wide(path: Path) -> Path:
    """A whole PNG of 20000 x 20000 pixels in some hundred bytes."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    row = zlib.compress(b"\0" * 2_501 * 20_000, 9)
    header = struct.pack(">IIBBBBB", 20_000, 20_000, 1, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", row) + chunk(b"IEND", b""))
    return path


def long(path: Path) -> Path:
    """A second of sound whose header says twenty hours."""
    content = bytearray(wav(path, 1).read_bytes())
    place = content.index(b"data")
    content[place + 4 : place + 8] = struct.pack("<I", 20 * 3600 * 32_000)
    path.write_bytes(content)
    return path


CASES: dict[str, tuple[str, Callable[[Path], Path], str]] = {
    "fifo.wav": ("audio", fifo, "E065"),
    "zero.png": ("image", zeros, "E064"),
    "zero.mp4": ("video", zeros, "E064"),
    "m3u8.mp4": ("video", playlist, "E074"),
    "ffconcat.mp4": ("video", list_of_files, "E073"),
    "wide.png": ("image", wide, "E102"),
    "long.wav": ("audio", long, "E081"),
}


@pytest.mark.parametrize("level", ["header", "hash", "decode"])
def test_each_costs_a_second_and_300_mb_at_most(tmp_path: Path, level):
    good = [
        ("audio", wav(tmp_path / "a.wav")),
        ("image", image(tmp_path / "i.png")),
        ("video", video(tmp_path / "v.mp4")),
    ]
    bad = [(modality, make(tmp_path / name)) for name, (modality, make, _) in CASES.items()]
    done = subprocess.run(
        [sys.executable, "-c", CHILD, level, *(json.dumps(media, default=str) for media in (good, bad))],
        env=os.environ | {"PYTHONPATH": str(ROOT / "workflow" / "scripts")},
        capture_output=True,
        timeout=120,
        check=True,
    )
    found, megabytes = json.loads(done.stdout)
    for (name, (_, _, code)), (codes, seconds) in zip(CASES.items(), found, strict=True):
        assert code in codes, name
        assert seconds < 1, name
    assert megabytes < 300
