"""What is found in pixels."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from omnitune.media.decode_image import decode_image
from omnitune.media.probe import Probe, probe
from omnitune.validation.codes import RowError

PIXELS = np.random.default_rng(5).integers(0, 255, (40, 60, 3), dtype=np.uint8)


def save(path: Path, pixels=PIXELS, **options) -> Path:
    Image.fromarray(pixels).save(path, **options)
    return path


def decode(path: Path) -> tuple[list[str], str]:
    found = decode_image(str(path), probe("image", str(path)))
    findings, content = found.findings, found.content
    return [finding.code for finding in findings], content


def test_equal_pixels_have_one_digest_whatever_holds_them(tmp_path: Path):
    files = [save(tmp_path / "i.png"), save(tmp_path / "i.bmp"), save(tmp_path / "i.webp", lossless=True)]
    turned = Image.Exif()
    turned[0x0112] = 6  # to be seen, turn by 90 degrees clockwise
    files.append(save(tmp_path / "turned.png", np.ascontiguousarray(np.rot90(PIXELS)), exif=turned))
    assert [decode(path)[0] for path in files] == [[]] * 4
    assert len({decode(path)[1] for path in files}) == 1


def test_what_looks_different_differs(tmp_path: Path):
    other = PIXELS.copy()
    other[3, 4, 1] ^= 1
    see_through = np.dstack([PIXELS, np.full((40, 60), 200, np.uint8)])
    deep = np.random.default_rng(5).integers(0, 65_535, (40, 60)).astype(np.uint16)
    deeper = deep.copy()
    deeper[0, 0] ^= 1
    pictures = [PIXELS, other, see_through, deep, deeper, np.ascontiguousarray(PIXELS.reshape(60, 40, 3))]
    digests = {decode(save(tmp_path / f"{number}.png", picture))[1] for number, picture in enumerate(pictures)}
    assert len(digests) == len(pictures)


def test_a_large_image_has_the_digest_of_its_pixels_too(tmp_path: Path):
    """Pillow keeps it in several blocks."""
    pixels = np.random.default_rng(1).integers(0, 255, (2200, 2100, 3), dtype=np.uint8)
    first = save(tmp_path / "a.png", pixels, compress_level=0)
    second = save(tmp_path / "b.bmp", pixels)
    assert decode(first) == decode(second)
    pixels[-1, -1, 2] ^= 1
    assert decode(save(tmp_path / "c.bmp", pixels))[1] != decode(first)[1]


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1", "I;16", "CMYK", "LA"])
def test_a_blank_image(tmp_path: Path, mode):
    path = tmp_path / ("i.jpg" if mode == "CMYK" else "i.png")
    Image.new(mode, (50, 40), 1 if mode in ("1", "P", "L", "I;16") else None).save(path)
    assert decode(path)[0] == ["E121"]


def test_one_pixel_is_enough_not_to_be_blank(tmp_path: Path):
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[39, 59, 0] = 1
    assert decode(save(tmp_path / "i.png", pixels))[0] == []


@pytest.mark.parametrize("name", ["i.jpg", "i.png", "i.webp"])
def test_an_image_that_is_cut_off_does_not_load(tmp_path: Path, name):
    path = save(tmp_path / name)
    said = probe("image", str(path))
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(RowError, match="cannot be decoded") as caught:
        decode_image(str(path), said)
    assert caught.value.finding.code == "E101"


def test_frames_of_an_animation_are_counted(tmp_path: Path):
    frames = [Image.fromarray(np.roll(PIXELS, step, axis=1)) for step in range(3)]
    path = tmp_path / "i.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    found = decode_image(str(path), Probe("image", "GIF"))
    (finding,), content = found.findings, found.content
    assert (finding.code, finding.what) == ("E114", f"{path} has 3 frames, of which the first is used")
    frames[0].save(tmp_path / "first.gif")
    assert decode(tmp_path / "first.gif") == ([], content)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}])
def test_a_second_jpeg_behind_the_first_is_found(tmp_path: Path, options: dict):
    first, second = save(tmp_path / "a.jpg", **options), save(tmp_path / "b.jpg", PIXELS[::-1])
    found, content = decode(first)
    assert found == []
    first.write_bytes(first.read_bytes() + second.read_bytes())
    again = decode_image(str(first), probe("image", str(first)))
    findings, same = again.findings, again.content
    assert [finding.code for finding in findings] == ["E122"]
    assert f" {second.stat().st_size} bytes " in findings[0].what
    assert same == content


def test_a_preview_in_the_header_is_no_second_picture(tmp_path: Path):
    preview = save(tmp_path / "small.jpg", PIXELS[:8, :8]).read_bytes()
    exif = Image.Exif()
    exif[0x010E] = "two of them"
    path = save(tmp_path / "a.jpg", exif=exif.tobytes() + preview * 2)
    assert b"\xff\xd9\xff\xd8\xff" in path.read_bytes()
    assert decode(path)[0] == []
