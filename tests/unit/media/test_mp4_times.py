"""Times of pictures out of the tables of an MP4."""

import struct

import pytest

from omnitune.media.mp4_times import are_uneven, shown_times


def table(*runs: tuple[int, int]) -> bytes:
    body = b"".join(struct.pack(">Ii", *run) for run in runs)
    return struct.pack(">I4sII", 16 + len(body), b"....", 0, len(runs)) + body


def shown(stts: list[tuple[int, int]], ctts: list[tuple[int, int]], pictures: int, told: int = 0):
    decoded = table(*stts)
    return shown_times(decoded + table(*ctts), 0, len(decoded), pictures, told)


@pytest.mark.parametrize(
    ("stts", "ctts", "told", "wanted"),
    [
        # I P B B: shown at 40, 160, 80, 120.
        ([(4, 40)], [(1, 40), (1, 120), (2, 0)], 160, (40, 160, False)),
        ([(4, 40)], [(1, 0), (1, 80), (2, -40)], 160, (0, 160, False)),
        # The last is shown 5 s later; decoding is done long before.
        ([(4, 40)], [(1, 40), (1, 5000), (2, 0)], 5040, (40, 5040, True)),
        # What the header says of the last picture is believed as far as any picture lasts.
        ([(4, 40)], [(1, 40), (1, 120), (2, 0)], 36_000, (40, 160, False)),
        ([(4, 40)], [(1, 40), (1, 120), (2, 0)], 10, (40, 120, False)),
        ([(4, 40)], [(1, 40), (1, 120), (2, 0)], 0, (40, 160, False)),
    ],
)
def test_pictures_are_shown_where_both_tables_say(stts, ctts, told: int, wanted: tuple[int, int, bool]):
    assert shown(stts, ctts, 4, told) == wanted


@pytest.mark.parametrize(
    ("stts", "ctts", "pictures"),
    [
        ([(4, 40)], [(3, 0)], 4),
        ([(3, 40)], [(4, 0)], 4),
        ([(4, 40)], [(4, 0)], 5),
        ([], [], 0),
        ([(2_000_000, 1)], [(2_000_000, 0)], 2_000_000),
        # Four pictures by their sum, which is made of two billion and as many less.
        ([(0x7FFFFFFF, 1), (0xFFFFFFFF - 0x7FFFFFFA, 1)], [(4, 0)], 4),
    ],
)
def test_tables_that_contradict_each_other_tell_nothing(stts, ctts, pictures: int):
    assert shown(stts, ctts, pictures) is None


def test_a_table_that_is_cut_off_is_an_error_at_once():
    with pytest.raises(struct.error):
        shown_times(struct.pack(">I4sII", 16, b"....", 0, 0xFFFFFFFF), 0, 0, 4, 0)


@pytest.mark.parametrize(
    ("lengths", "uneven"), [([33, 33, 34], False), ([40], False), ([], False), ([40, 45], True), ([1, 2], False)]
)
def test_rounded_times_are_even(lengths: list[int], uneven: bool):
    assert are_uneven(lengths) is uneven
