"""What would hang a reader or eat the memory is refused quickly, in a process of little memory."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from bad_media import BAD

from omnitune.media.probe import probe
from omnitune.validation.codes import RowError

SCRIPTS = Path(__file__).parents[3] / "workflow" / "scripts"
DANGEROUS = (
    *("E102", "E105"),
    *("says_20_hours.wav", "list.mp4", "list.m3u8", "dash.mpd", "drawing.svg", "print.eps", "a.psd", "long.wav"),
    *("dense.mp4", "garbage.bin", "says_10_hours.mp4"),
)
CODE = """
import json, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from omnitune.media.probe import probe
from omnitune.validation.codes import RowError
import PIL.Image, av, soundfile
PIL.Image.preinit()
found = {}
for modality, path in json.load(sys.stdin):
    start = time.process_time()
    try:
        codes = [finding.code for finding in probe(modality, path).findings]
    except RowError as error:
        codes = [error.finding.code]
    found[f"{modality} {path}"] = [codes, time.process_time() - start]
# Its own: ru_maxrss begins with what the parent had when this process was forked from it.
peak = Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]
print(json.dumps([found, int(peak) / 1024]))
"""


def look(files: list[tuple[str, Path]]) -> dict[str, list[str]]:
    """The codes of files, found by a process that may take a second for each and 300 MB."""
    asked = json.dumps([(modality, str(path)) for modality, path in files])
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(SCRIPTS)],
        input=asked,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found, peak = json.loads(done.stdout)
    assert peak < 300
    assert [name for name, (_, seconds) in found.items() if seconds > 1] == []
    return {name: codes for name, (codes, _) in found.items()}


def test_bombs_cost_neither_time_nor_memory(tmp_path: Path):
    bad = [bad for bad in BAD if bad.code in DANGEROUS or bad.name.endswith(tuple(DANGEROUS))]
    assert len(bad) > 25
    files = [(one.modality, one.make(tmp_path / str(number))) for number, one in enumerate(bad)]
    found = look(files)
    for one, (modality, path) in zip(bad, files, strict=True):
        assert one.code in found[f"{modality} {path}"]


def test_large_files_of_nothing_cost_neither_time_nor_memory(tmp_path: Path):
    path = tmp_path / "zeros"
    with path.open("wb") as file:
        file.truncate(10**10)
    for start in (
        b"",
        b"\xff\xd8\xff\xe0",
        b"\x89PNG\r\n\x1a\n",
        b"ID3\4\0\0\x7f\x7f\x7f\x7f",
        b"RIFF\0\0\0\0WAVE",
    ):
        with path.open("r+b") as file:
            file.write(start)
        found = look([(modality, path) for modality in ("audio", "image", "video")])
        assert all(code[0] in {"E080", "E082", "E101", "E118", "E135"} for code in found.values()), found


@pytest.mark.parametrize("modality", ["audio", "image", "video"])
def test_what_is_no_regular_file_is_named(modality: str, tmp_path: Path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "empty").touch()
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "socket"))
        for name, code in (
            ("fifo", "E065"),
            ("zero", "E064"),
            ("empty", "E062"),
            ("socket", "E066"),
            (".", "E063"),
        ):
            with pytest.raises(RowError) as caught:
                probe(modality, str(tmp_path / name))
            assert caught.value.finding.code == code
