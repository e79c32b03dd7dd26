"""Whatever a damaged header says, the answer is a probe or a RowError, and nothing else."""

import random
from pathlib import Path

import pytest
from bad_media import BAD
from good_media import GOOD

from omnitune.media.probe import probe
from omnitune.validation.codes import RowError

KINDS = (
    *("PCM_16.wav", "PCM_24x.wav", "form.RF64", "form.W64", "flac.flac", "aac.m4a"),
    *(
        "turned6.jpg",
        "both_eyes.jpg",
        "RGBA.png",
        "moving.png",
        "srgb.png",
        "moving.webp",
        "moving.gif",
        "two.bmp",
    ),
    *(
        "libx264.mp4",
        "libx265.mp4",
        "libx264.mov",
        "index_first.mp4",
        "uneven.mp4",
        "empty_edit.mp4",
        "libvpx.webm",
    ),
)
FILES = {file.name.rpartition("-")[2]: file for file in (*BAD, *GOOD)}


def damage(content: bytes, chance: random.Random) -> bytes:
    """Change a few bytes of the header (its end, for an MP4), or leave something out."""
    changed = bytearray(content)
    front = chance.random() < 0.5
    for _ in range(chance.randint(1, 4)):
        reach = min(len(changed), 2500)
        at = chance.randrange(reach) if front else len(changed) - 1 - chance.randrange(reach)
        changed[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
    if chance.random() < 0.3:
        at = chance.randrange(len(changed))
        del changed[at : at + chance.randint(1, 400)]
    return bytes(changed)


def test_a_chunk_that_ends_where_no_file_reaches_is_no_crash(tmp_path: Path):
    path = FILES["form.W64"].make(tmp_path)
    content = bytearray(path.read_bytes())
    content[56:64] = b"\xf0" + b"\xff" * 7  # the length of its first chunk
    path.write_bytes(content)
    with pytest.raises(RowError):
        probe("audio", str(path))


@pytest.mark.parametrize("kind", KINDS)
def test_damage_is_named(kind: str, tmp_path: Path):
    media = FILES[kind]
    content = media.make(tmp_path).read_bytes()
    path = tmp_path / f"damaged.{kind.rpartition('.')[2]}"
    chance = random.Random(kind)
    outcomes = set()
    for _ in range(150):
        path.write_bytes(damage(content, chance))
        try:
            outcomes.add(tuple(finding.code for finding in probe(media.modality, str(path)).findings))
        except RowError as error:
            outcomes.add(error.finding.code)
    assert len(outcomes) > 1
