"""Pictures made plain: pixels are those that a viewer shows, and nothing else of them changes."""

import io
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, TiffImagePlugin

from omnitune.media.mend_image import image_suffix, mend_image
from omnitune.validation.codes import RowError

# Rows and columns differ, so that no turn looks like another.
PIXELS = np.random.default_rng(0).integers(0, 256, (24, 40, 3), dtype=np.uint8)
SMOOTH = np.stack(
    [np.linspace(0, 255, 64)[None] * np.ones((48, 1)), np.linspace(255, 0, 48)[:, None] * np.ones((1, 64)),
     np.full((48, 64), 90.0)], axis=2,
).astype(np.uint8)  # fmt: skip


def save(path: Path, pixels: np.ndarray | Image.Image, **options: Any) -> Path:
    picture = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    picture.save(path, **options)
    return path


def mended(path: Path, *codes: str) -> Path:
    before = path.read_bytes()
    output = path.parent / "out" / f"mended{image_suffix(str(path), codes)}"
    mend_image(str(path), codes, output)
    assert path.read_bytes() == before, "the original is only read"
    assert [file.name for file in output.parent.iterdir()] == [output.name]
    once = output.read_bytes()
    mend_image(str(path), codes, output)
    assert output.read_bytes() == once, "equal input gives equal bytes"
    return output


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


# Turning. The orientation says where the first row and column of the stored pixels belong (EXIF 2.32, tag 274).
TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.transpose(1, 0, 2),
    6: lambda stored: stored.transpose(1, 0, 2)[:, ::-1],
    7: lambda stored: stored[::-1, ::-1].transpose(1, 0, 2),
    8: lambda stored: stored.transpose(1, 0, 2)[::-1],
}


def exif(orientation: int) -> bytes:
    block = Image.Exif()
    block[274] = orientation
    return block.tobytes()


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("name", ["a.png", "a.webp"])
def test_all_eight_orientations_of_a_lossless_picture_are_exact(tmp_path: Path, orientation: int, name: str):
    path = save(tmp_path / name, PIXELS, exif=exif(orientation), **({"lossless": True} if "webp" in name else {}))
    output = mended(path, "E115")
    assert output.suffix == ".png"
    assert np.array_equal(pixels(output), TURNS[orientation](PIXELS))
    with Image.open(output) as picture:
        assert dict(picture.getexif()) == {}, "no reader turns it once more"


@pytest.mark.parametrize("orientation", TURNS)
def test_a_jpeg_is_turned_and_stays_one_that_no_eye_can_tell_apart(tmp_path: Path, orientation: int):
    path = save(tmp_path / "a.jpg", SMOOTH, exif=exif(orientation), quality=90)
    output = mended(path, "E115")
    assert output.suffix == ".jpg"
    expected = TURNS[orientation](pixels(path)).astype(int)
    assert np.abs(pixels(output).astype(int) - expected).max() <= 4
    with Image.open(output) as picture:
        assert dict(picture.getexif()) == {}


def test_an_orientation_that_xmp_alone_tells_is_followed(tmp_path: Path):
    words = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    path = save(tmp_path / "a.jpg", SMOOTH, xmp=words)
    assert pixels(mended(path, "E115")).shape == (64, 48, 3)


def test_what_is_not_asked_for_is_left(tmp_path: Path):
    layer = np.dstack([PIXELS, np.full((24, 40), 128, dtype=np.uint8)])
    output = mended(save(tmp_path / "a.png", layer, exif=exif(6)), "E115")
    assert np.array_equal(pixels(output), TURNS[6](layer))
    (tmp_path / "out" / output.name).unlink()
    with Image.open(mended(tmp_path / "a.png", "E111")) as picture:
        assert (picture.size, picture.getexif()[274]) == ((40, 24), 6)


# Depth.


def test_16_bit_grey_keeps_256_levels(tmp_path: Path):
    gradient = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    grey = pixels(mended(save(tmp_path / "a.png", gradient), "E110"))
    assert grey.dtype == np.uint8
    assert np.array_equal(grey, np.rint(gradient / 257).astype(np.uint8))
    assert np.array_equal(np.unique(grey), np.arange(256))


def test_16_bit_colour_keeps_256_levels(tmp_path: Path):
    # Pillow writes no such file: one row of 256 pixels, from the PNG specification.
    import zlib

    levels = np.arange(256) * 257
    row = b"\0" + b"".join(struct.pack(">HHH", level, 65535 - level, level) for level in levels)
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", 256, 1, 16, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(row)),
        (b"IEND", b""),
    ]
    content = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + content)
    colour = pixels(mended(tmp_path / "a.png", "E110"))
    assert np.array_equal(colour[0], np.stack([np.arange(256), 255 - np.arange(256), np.arange(256)], axis=1))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[0.0, 0.25, 0.5, 1.0]], dtype=np.float32), [0, 64, 128, 255]),
        (np.array([[0.0, 0.1, 0.2, 0.2]], dtype=np.float32), [0, 26, 51, 51]),
        (np.array([[-10.0, 0.0, 10.0, 30.0]], dtype=np.float32), [0, 64, 128, 255]),
        (np.array([[np.nan, np.inf, -np.inf, 0.5]], dtype=np.float32), [0, 255, 0, 128]),
        (np.array([[np.nan, np.nan]], dtype=np.float32), [0, 0]),
        (np.array([[0, 1_000_000, 2_000_000, 4_000_000]], dtype=np.int32), [0, 64, 128, 255]),
        (np.array([[7, 7, 7, 7]], dtype=np.int32), [0, 0, 0, 0]),
    ],
)
def test_values_of_no_known_range_are_scaled_by_their_own(tmp_path: Path, values: np.ndarray, expected: list[int]):
    # Only TIFF holds them, which is read when a policy has it converted.
    path = save(tmp_path / "a.tif", values)
    assert pixels(mended(path, "E110", "E119"))[0].tolist() == expected


# Colours.


def test_ink_becomes_light(tmp_path: Path):
    rng = np.random.default_rng(1)
    ink = np.repeat(np.repeat(rng.integers(0, 256, (3, 4, 4), dtype=np.uint8), 16, axis=0), 16, axis=1)
    path = save(tmp_path / "a.jpg", Image.fromarray(ink, "CMYK"), quality=100)
    light = pixels(mended(path, "E109")).astype(int)
    share = 1 - ink / 255
    reference = 255 * share[..., :3] * share[..., 3:]
    # Within the blocks: a JPEG blurs what lies at their edges.
    assert np.abs(light - reference)[4::16, 4::16].max() <= 6
    assert light.shape == (48, 64, 3)


def test_ink_without_adobes_mark_is_not_turned_round(tmp_path: Path):
    ink = Image.new("CMYK", (32, 32), (255, 0, 0, 0))
    content = save(tmp_path / "a.jpg", ink, quality=100).read_bytes()
    assert np.abs(pixels(mended(tmp_path / "a.jpg", "E109")).astype(int) - (0, 255, 255)).max() <= 3
    # Adobe's marker segment goes; the ink is stored inverted, which nothing says any longer.
    start = content.index(b"\xff\xee")
    (tmp_path / "b.jpg").write_bytes(
        content[:start] + content[start + 2 + int.from_bytes(content[start + 2 : start + 4]) :]
    )
    (tmp_path / "out" / "mended.jpg").unlink()
    assert np.abs(pixels(mended(tmp_path / "b.jpg", "E109")).astype(int) - (0, 0, 0)).max() <= 3


@pytest.mark.parametrize("alpha", [0, 64, 128, 255])
def test_see_through_pixels_are_laid_over_white(tmp_path: Path, alpha: int):
    layer = np.dstack([PIXELS, np.full((24, 40), alpha, dtype=np.uint8)])
    flat = pixels(mended(save(tmp_path / "a.png", layer), "E111")).astype(int)
    assert np.abs(flat - (PIXELS * (alpha / 255) + 255 * (1 - alpha / 255))).max() <= 1
    assert flat.shape == (24, 40, 3)


def test_grey_and_palettes_and_single_colours_can_be_see_through(tmp_path: Path):
    grey = np.dstack([PIXELS[..., 0], np.full((24, 40), 51, dtype=np.uint8)])
    flat = pixels(mended(save(tmp_path / "a.png", Image.fromarray(grey, "LA")), "E112")).astype(int)
    assert np.abs(flat[..., 1] - (PIXELS[..., 0] * 0.2 + 255 * 0.8)).max() <= 1
    palette = Image.new("P", (4, 1))
    palette.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    palette.putdata([0, 1, 2, 1])
    output = mended(save(tmp_path / "b.png", palette, transparency=1), "E112", "E113")
    assert pixels(output)[0].tolist() == [[255, 0, 0], [255, 255, 255], [0, 0, 255], [255, 255, 255]]
    red = Image.new("RGB", (2, 1), (255, 0, 0))
    output = mended(save(tmp_path / "c.png", red, transparency=(255, 0, 0)), "E112")
    assert pixels(output)[0].tolist() == [[255, 255, 255]] * 2


@pytest.mark.parametrize("mode", ["P", "1"])
@pytest.mark.parametrize("name", ["a.png", "a.gif", "a.bmp"])
def test_palettes_and_single_bits_become_rgb(tmp_path: Path, mode: str, name: str):
    picture = Image.fromarray(PIXELS).convert(mode)
    output = mended(save(tmp_path / name, picture), "E113")
    with Image.open(output) as made:
        # A GIF of two colours is one of grey.
        assert made.mode == ("L" if (mode, name) == ("1", "a.gif") else "RGB")
        assert np.array_equal(np.asarray(made.convert("RGB")), np.asarray(picture.convert("RGB")))


def linear_profile() -> bytes:
    """sRGB's colours with a tone curve of 1: pixels are proportional to light."""
    content = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = int.from_bytes(content[128:132])
    for place in range(132, 132 + 12 * count, 12):
        if content[place : place + 4] in (b"rTRC", b"gTRC", b"bTRC"):
            start = int.from_bytes(content[place + 4 : place + 8])
            content[start : start + 12] = b"curv" + bytes(8)
            content[place + 8 : place + 12] = (12).to_bytes(4)
    return bytes(content)


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_colours_of_another_profile_become_srgb(tmp_path: Path, name: str):
    levels = np.repeat(np.array([0, 32, 64, 128, 200, 255], dtype=np.uint8), 16)
    picture = Image.fromarray(np.tile(levels[None, :, None], (16, 1, 3)))
    output = mended(save(tmp_path / name, picture, icc_profile=linear_profile(), quality=100), "E120")
    light = levels / 255
    srgb = 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    assert np.abs(pixels(output)[8, 8::16].astype(int) - srgb[8::16, None]).max() <= 3
    with Image.open(output) as made:
        assert "icc_profile" not in made.info


def test_a_profile_that_stays_is_kept_and_alpha_survives_one_that_goes(tmp_path: Path):
    layer = np.dstack([PIXELS, PIXELS[..., 0]])
    save(tmp_path / "a.png", layer, icc_profile=linear_profile(), exif=exif(3))
    with Image.open(mended(tmp_path / "a.png", "E115")) as made:
        assert made.info["icc_profile"] == linear_profile()
    made = pixels(mended(tmp_path / "a.png", "E120"))
    assert np.array_equal(made[..., 3], layer[..., 3])
    assert not np.array_equal(made[..., :3], PIXELS)


def test_a_profile_that_is_none_is_refused_in_words(tmp_path: Path):
    path = save(tmp_path / "a.png", PIXELS, icc_profile=b"no profile")
    with pytest.raises(RowError) as caught:
        mended(path, "E120")
    assert caught.value.finding.code == "E101"
    assert caught.value.finding.what.startswith(f"{path}: its colour profile cannot be applied")
    assert list((tmp_path / "out").iterdir()) == []


# Bytes.


def test_of_several_pictures_the_first_is_left(tmp_path: Path):
    frames = [Image.fromarray(np.roll(PIXELS, step, axis=1)) for step in range(3)]
    for name, options in (("a.png", {}), ("a.webp", {"lossless": True})):
        path = save(tmp_path / name, frames[0], save_all=True, append_images=frames[1:], duration=50, **options)
        with Image.open(mended(path, "E114")) as made:
            assert getattr(made, "n_frames", 1) == 1
            assert np.array_equal(np.asarray(made.convert("RGB")), PIXELS)


def test_a_wrong_name_is_put_right_without_a_changed_byte(tmp_path: Path):
    for name in ("webp", "png", "gif", "bmp"):
        path = save(tmp_path / f"a.{name}", PIXELS).rename(tmp_path / "a.jpeg")
        output = mended(path, "E117")
        assert (output.suffix, output.read_bytes()) == (f".{name}", path.read_bytes())
        output.unlink()


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}], ids=str)
def test_what_follows_a_jpeg_goes_and_its_pixels_stay(tmp_path: Path, options: dict[str, Any]):
    original = save(tmp_path / "a.jpg", PIXELS, exif=exif(6), comment=b"note", **options).read_bytes()
    (tmp_path / "a.jpg").write_bytes(original + b"PK\x03\x04" + b"\xff\xd9" * 50)
    assert mended(tmp_path / "a.jpg", "E122").read_bytes() == original
    bare = mended(tmp_path / "a.jpg", "E116", "E117")
    assert np.array_equal(pixels(bare), pixels(tmp_path / "a.jpg"))
    with Image.open(bare) as made:
        assert "exif" not in made.info
        assert made.info["comment"] == b"note"


def test_a_picture_with_a_second_one_behind_it_loses_every_trace_of_that(tmp_path: Path):
    picture = Image.fromarray(PIXELS)
    path = save(tmp_path / "a.mpo", picture, save_all=True, append_images=[picture.rotate(90)]).rename(
        tmp_path / "a.jpg"
    )
    with Image.open(mended(path, "E122")) as made:
        assert made.format == "JPEG"
        assert np.array_equal(np.asarray(made), pixels(path))


def test_a_jpeg_without_an_end_is_refused(tmp_path: Path):
    path = save(tmp_path / "a.jpg", PIXELS)
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(RowError, match="has no end of its picture"):
        mended(path, "E122")
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(RowError, match="has no end of its picture"):
        mended(path, "E116")


def test_what_follows_other_pictures_goes_too(tmp_path: Path):
    path = save(tmp_path / "a.png", PIXELS)
    path.write_bytes(path.read_bytes() + b"PK" * 999)
    output = mended(path, "E122")
    assert np.array_equal(pixels(output), PIXELS)
    assert b"PKPK" not in output.read_bytes()


def test_formats_that_are_refused_are_read_when_a_policy_has_them_converted(tmp_path: Path):
    path = save(tmp_path / "a.tif", PIXELS)
    assert np.array_equal(pixels(mended(path, "E119")), PIXELS)
    with pytest.raises(RowError, match="cannot be read as an image"):
        mended(path, "E113")
    ink = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    output = mended(save(tmp_path / "b.tif", ink), "E119")
    assert pixels(output)[0, 0].tolist() == [255, 0, 0], "PNG holds no ink"


@pytest.mark.parametrize("left", [30, 300, -400])
def test_damaged_pictures_are_refused_and_leave_nothing(tmp_path: Path, left: int):
    path = save(tmp_path / "a.png", np.dstack([PIXELS, PIXELS[..., 0]]))
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(RowError) as caught:
        mended(path, "E111")
    assert caught.value.finding.code == "E101"
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_a_damaged_exif_block_goes(tmp_path: Path):
    for name in ("a.jpg", "a.png"):
        path = save(tmp_path / name, SMOOTH, exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 40)
        output = mended(path, "E116")
        assert np.array_equal(pixels(output), pixels(path))
        assert b"\xff" * 30 not in output.read_bytes()
        output.unlink()


def test_everything_at_once(tmp_path: Path):
    """16-bit grey in TIFF, lying on its side."""
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[274] = 6
    gradient = np.arange(512, dtype=np.uint16).reshape(16, 32) * 128
    path = save(tmp_path / "a.tif", gradient, tiffinfo=info)
    grey = pixels(mended(path, "E110", "E115", "E119"))
    assert np.array_equal(grey, np.rint(gradient.T[:, ::-1] / 257).astype(np.uint8))


def test_stored_size_is_that_of_the_pixels(tmp_path: Path):
    # A bound on what a repair may cost: not more than the pixels themselves.
    noise = np.random.default_rng(2).integers(0, 256, (300, 300, 4), dtype=np.uint8)
    output = mended(save(tmp_path / "a.png", noise), "E111")
    assert output.stat().st_size <= 300 * 300 * 3 * 1.01 + 1000
    assert io.BytesIO(output.read_bytes()).read(4) == b"\x89PNG"
