"""What is answered to findings in media: the row uses what was made of them, and says so."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import odd_media
import pytest
from media_files import image, video, wav

from omnitune.config.validate import ValidateConfig
from omnitune.errors import PipelineError
from omnitune.media.inspect import Inspection, Inspector
from omnitune.media.mender import Mender
from omnitune.media.probe import probe
from omnitune.records import LedgerRow, Message, Record
from omnitune.validation.codes import Finding
from omnitune.validation.media import MediaJudge
from omnitune.validation.policy import Policy
from omnitune.validation.tally import Tally
from omnitune.validation.validate import Gate

TURNED = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"


def judged(
    tmp_path: Path, policy: dict[str, Any] | None = None, media_dir: bool = True, **media: list[Path]
) -> tuple[LedgerRow, Record | None]:
    markers = "".join(f"<{name[:-1]}>" * len(paths) for name, paths in media.items())
    row = Record(
        "s/a", "s", 3, "t", [Message("user", f"{markers}Why?"), Message("assistant", "So.")],
        **{name: [str(path) for path in paths] for name, paths in media.items()},
    )  # fmt: skip
    settings = ValidateConfig(policy=policy or {})
    (verdict,) = Gate("d.jsonl", ["sft"], settings, tmp_path / "media" if media_dir else None).judge([row])
    return verdict.ledger, verdict.record


def test_a_row_uses_what_was_made_of_its_media_and_says_what_of_what(tmp_path: Path):
    good, alpha = image(tmp_path / "good.png"), image(tmp_path / "alpha.png", (28, 30), "RGBA", exif=TURNED)
    ledger, record = judged(tmp_path, images=[alpha, good, alpha], audios=[wav(tmp_path / "a.wav")])
    assert record is not None
    assert record.images[1] == str(good)
    made = record.images[0]
    assert record.images == [made, str(good), made]
    assert Path(made).parent == tmp_path / "media"
    assert (ledger.verdict, ledger.codes) == ("repaired", ["E111", "E115"])
    assert ledger.message == (
        f"d.jsonl:3 (id a): put right: alpha channel, rotated by EXIF of {alpha}, used is {made}."
    )
    assert record.facts is not None
    assert [(medium.origin, medium.width, medium.height) for medium in record.facts.media] == [
        (str(alpha), 30, 28), ("", 28, 28), (str(alpha), 30, 28), ("", 0, 0)
    ]  # fmt: skip


def test_sound_is_resampled_when_one_line_of_the_policy_wants_it(tmp_path: Path):
    tone = wav(tmp_path / "a.wav", 0.5, 44100, 2)
    ledger, record = judged(tmp_path, audios=[tone])
    assert (ledger.verdict, ledger.codes, ledger.message) == ("accepted", [], "")
    assert record is not None
    assert record.audios == [str(tone)]
    ledger, record = judged(tmp_path, {"E086": "repair"}, audios=[tone])
    assert (ledger.verdict, ledger.codes) == ("repaired", ["E086"])
    assert record is not None
    assert record.facts is not None
    (medium,) = record.facts.media
    assert (medium.origin, medium.seconds) == (str(tone), 0.5)
    assert record.audios[0].endswith(".sound.2.wav")


@pytest.mark.parametrize(
    ("action", "verdict", "codes"),
    [("warn", "accepted", ["E111"]), ("ignore", "accepted", []), ("reject", "rejected", ["E111"])],
)
def test_without_repair_the_original_is_used_or_nothing(
    tmp_path: Path, action: str, verdict: str, codes: list[str]
):
    path = image(tmp_path / "a.png", mode="RGBA")
    ledger, record = judged(tmp_path, {"E111": action}, images=[path])
    assert (ledger.verdict, ledger.codes) == (verdict, codes)
    assert record is None or record.images == [str(path)]
    assert not (tmp_path / "media").exists()


def test_what_is_left_to_say_is_said_once(tmp_path: Path):
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    path = image(tmp_path / "a.png", mode="RGBA", icc_profile=profile)
    ledger, _ = judged(tmp_path, images=[path])
    assert (ledger.verdict, ledger.codes) == ("repaired", ["E111", "E120"])
    assert ledger.message.count("Convert it to sRGB") == 1


def test_a_medium_that_is_refused_all_the_same_is_not_mended(tmp_path: Path):
    path = image(tmp_path / "a.png", mode="RGBA", exif=TURNED)
    ledger, record = judged(tmp_path, {"E115": "reject"}, images=[path])
    assert (ledger.verdict, record) == ("rejected", None)
    assert "E115" in ledger.codes
    assert not (tmp_path / "media").exists()
    with pytest.raises(PipelineError, match=r"validate.policy.E115: fail"):
        judged(tmp_path, {"E115": "fail"}, images=[path])


def test_a_medium_that_cannot_be_mended_rejects_its_row_with_the_reason(tmp_path: Path):
    path = image(tmp_path / "a.png", (300, 300), mode="RGBA")
    path.write_bytes(path.read_bytes()[:-60])
    ledger, record = judged(tmp_path, images=[path])
    assert (ledger.verdict, ledger.codes, record) == ("rejected", ["E101"], None)
    assert ledger.message.startswith(f"d.jsonl:3 (id a): {path} is cut off: ")
    assert ledger.message.endswith("Copy the file again.")


def test_without_a_folder_what_would_be_put_right_is_named(tmp_path: Path):
    path = image(tmp_path / "a.png", mode="RGBA")
    ledger, record = judged(tmp_path, media_dir=False, images=[path])
    assert (ledger.verdict, ledger.codes) == ("repaired", ["E111"])
    assert ledger.message == f"d.jsonl:3 (id a): put right: alpha channel of {path}."
    assert record is not None
    assert record.images == [str(path)]


def test_rows_that_share_a_medium_share_what_was_made_of_it(tmp_path: Path):
    path = str(image(tmp_path / "a.png", mode="RGBA"))
    turns = [Message("user", "<image>Why?"), Message("assistant", "So.")]
    rows = [Record(f"s/{line}", "s", line, "t", turns, images=[path]) for line in range(1, 4)]
    judgements = Gate("d.jsonl", ["sft"], media_dir=tmp_path / "media").judge(rows)
    made = {tuple(judged.record.images) for judged in judgements if judged.record}
    assert len(made) == len(list((tmp_path / "media").iterdir())) == 1


class Failing(Mender):
    """Puts nothing right."""

    def mend(self, media: Sequence[Any]) -> list[str | Finding]:
        return [Finding("E120", "no recipe") for _ in media]


class Stubborn(Inspector):
    """Finds the fault in whatever it is shown."""

    def inspect(self, media: Any) -> list[Inspection]:
        return [found._replace(findings=(Finding("E111", "still"),)) for found in super().inspect(media)]


def test_a_fault_that_a_repair_leaves_keeps_the_row_out(tmp_path: Path):
    path = str(image(tmp_path / "a.png", mode="RGBA"))
    judge = MediaJudge(Policy(), Stubborn(ValidateConfig()), Mender(tmp_path / "media"), False)
    (seen,) = judge.look([("image", path)])
    assert [finding.code for finding in seen.inspection.findings] == ["E220"]


def test_a_reason_that_a_policy_lets_pass_does_not_make_a_repair_good(tmp_path: Path):
    path = str(image(tmp_path / "a.png", mode="RGBA"))
    judge = MediaJudge(Policy(), Inspector(ValidateConfig()), Failing(tmp_path / "media"), False)
    (seen,) = judge.look([("image", path)])
    assert [finding.code for finding in seen.inspection.findings] == ["E111", "E220"]
    assert (seen.path, seen.repairs) == (path, ())


@pytest.mark.parametrize(("sound", "codes"), [(False, ["E140"]), (True, [])])
def test_sound_that_is_used_must_be_there(tmp_path: Path, sound: bool, codes: list[str]):
    path = str(video(tmp_path / "v.mp4", sound=sound))
    (seen,) = MediaJudge(Policy(), Inspector(ValidateConfig()), None, True).look([("video", path)])
    assert [finding.code for finding in seen.inspection.findings] == codes


@pytest.mark.parametrize(
    ("name", "codec", "rate", "verdict"),
    [
        ("v.mp4", "flac", 16000, "repaired"),
        ("v.mp4", "alac", 16000, "repaired"),
        ("v.mkv", "pcm_s16le", 16000, "repaired"),
        ("v.avi", "pcm_s16le", 16000, "repaired"),
        ("v.mp4", "flac", 48000, "accepted"),
        ("v.mp4", "aac", 16000, "accepted"),
    ],
)
@pytest.mark.parametrize("used", [True, False])
def test_sound_of_a_video_is_held_to_what_sound_alone_is(
    tmp_path: Path, name: str, codec: str, rate: int, verdict: str, used: bool
):
    path = odd_media.write_film(tmp_path / name, codec, rate)
    row = Record("s/a", "s", 3, "t", [Message("user", "<video>?"), Message("assistant", "!")], videos=[str(path)])
    (found,) = Gate("d.jsonl", ["sft"], media_dir=tmp_path / "media", audio_in_video=used).judge([row])
    assert found.ledger.verdict == (verdict if used else "accepted")
    assert found.ledger.codes == (["E240"] if used and verdict == "repaired" else [])
    if found.ledger.codes:
        assert found.record
        made = probe("video", found.record.videos[0])
        assert (made.audio_codec, made.audio_rate, made.frames) == ("aac", 16000, 16)


def test_a_refused_row_is_told_by_what_refused_it_alone(tmp_path: Path):
    """What would have been put right is no reason, and none of the first codes."""
    ledger, record = judged(tmp_path, images=[image(tmp_path / "strip.png", (28, 28 * 250), "RGBA")])
    assert record is None
    assert (ledger.verdict, ledger.codes) == ("rejected", ["E107", "E111"])
    assert "alpha" not in ledger.message
    tally = Tally()
    tally.add(ledger)
    assert tally.reasons().startswith("\n  1 x extreme aspect ratio (E107): d.jsonl:3 (id a): ")


def test_sound_of_a_video_that_breaks_off_is_not_used(tmp_path: Path):
    import av

    path = odd_media.write_film(tmp_path / "v.mkv", "aac", 16_000)
    content = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(audio=0) if packet.size]
    place = content.index(packets[10])
    content[place : place + len(packets[10])] = b"\xff" * len(packets[10])
    path.write_bytes(content)
    settings, codes = ValidateConfig(media="decode"), {}
    for used in (True, False):
        with Inspector(settings) as inspector:
            (seen,) = MediaJudge(Policy(), inspector, None, used).look([("video", str(path))])
        codes[used] = [finding.code for finding in seen.inspection.findings]
    assert codes == {True: ["E081"], False: []}
