"""The catalogue of bad and good media through the real convert and validate code, at every level."""

from pathlib import Path

import pytest
from bad_media import BAD
from good_media import GOOD
from media_codes import expected
from media_files import chat, read_jsonl, write_jsonl

from omnitune import converters
from omnitune.config.validate import ValidateConfig
from omnitune.validation.codes import CODES
from omnitune.validation.policy import Policy, without_stops
from omnitune.validation.validate import Gate, validate_file

LEVELS = ("header", "hash", "decode")
# Codecs that FFmpeg, which repairs sound, does not know: only the attempt tells, and a linter makes none.
UNDECODED = {"E240-audio-NMS_ADPCM_16.wav", "E240-audio-dwvw.aiff"}


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One row a file, the bad ones first."""
    folder, made = tmp_path_factory.mktemp("media"), []
    for number, file in enumerate((*BAD, *GOOD)):
        (folder / str(number)).mkdir()
        path = file.make(folder / str(number))
        made.append(chat(f"<{file.modality}>", **{f"{file.modality}s": [str(path)]}))
    return write_jsonl(folder / "rows.jsonl", made)


def ledger(rows: Path, level: str, folder: Path, mend: bool = True) -> list[dict]:
    source = converters.open_source("s", rows, "t", {}, [rows.parent], folder / "inside")
    folder.mkdir(exist_ok=True)
    converters.convert_source(source, "messages", folder / "c.jsonl")
    settings = ValidateConfig(media=level, policy=without_stops({}))
    with Gate("rows.jsonl", ["sft"], settings, folder / "mended" if mend else None) as gate:
        validate_file(gate, folder / "c.jsonl", folder / "v.jsonl", folder / "l.jsonl")
    return read_jsonl(folder / "l.jsonl")


@pytest.mark.parametrize("level", LEVELS)
def test_every_file_gets_its_verdict(rows: Path, tmp_path: Path, level: str):
    found = ledger(rows, level, tmp_path)
    assert len(found) == len(BAD) + len(GOOD)
    policy, wrong = Policy(), []
    # What no word is said of by default has no code in the ledger.
    said = {code for code in CODES if policy.action(code) != "ignore"}
    for bad, row in zip(BAD, found, strict=False):
        refused = bad.useless or policy.action(bad.code) == "reject"
        codes = expected(bad.name, {bad.code}, level) & said
        if row["verdict"] == "rejected":  # told by what refuses it alone
            codes = {code for code in codes if policy.action(code) != "warn"}
        if set(row["codes"]) != codes or (refused and row["verdict"] != "rejected"):
            wrong.append((bad.name, row["verdict"], row["codes"], codes))
    for good, row in zip(GOOD, found[len(BAD) :], strict=True):
        codes = expected(good.name, good.codes, level) & said
        if row["verdict"] == "rejected" or set(row["codes"]) != codes:
            wrong.append((good.name, row["verdict"], row["codes"], codes))
    assert wrong == []


def test_the_linter_says_what_the_pipeline_does(rows: Path, tmp_path: Path):
    done = ledger(rows, "header", tmp_path / "done")
    said = ledger(rows, "header", tmp_path / "said", mend=False)
    names = [file.name for file in (*BAD, *GOOD)]
    of = {name: (one["verdict"], other["verdict"]) for name, one, other in zip(names, done, said, strict=True)}
    assert {name for name, verdicts in of.items() if len(set(verdicts)) > 1} == UNDECODED
