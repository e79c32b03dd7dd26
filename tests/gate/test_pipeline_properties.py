"""What holds for any rows on their way through convert, validate and split, in any parts and order."""

import json
import random
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from bad_rows import GOOD
from full import full
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from media_files import chat, image, read_jsonl, wav
from test_row_properties import ODD, ROW, line_of

from omnitune import converters
from omnitune.config.validate import ValidateConfig
from omnitune.readers import Part
from omnitune.validation.assignment import FILES, ValidSource
from omnitune.validation.codes import CODES
from omnitune.validation.groups import Draw
from omnitune.validation.policy import Policy, without_stops
from omnitune.validation.split import Rules, split_sources
from omnitune.validation.validate import Gate, validate_file

POLICY = without_stops({})
RULES = Rules(Draw(0.2, 0.3, 17), 1.0, need_train=False, need_test=False, policy=Policy(POLICY))
# True of a file, and told with one of its rows: another part or order has another such row.
OF_A_FILE = {"E003", "E004", "E005", "E006", "E012", "E017", "E059"}
REPAIRED = {code for code in CODES if Policy(POLICY).action(code) == "repair"}
MEDIA = st.sampled_from(
    [
        chat("<audio>Who?", "Ada", audios=["a.wav"]),
        chat("<image>What?", "A dot", images=["i.png"]),
        chat("<image>What?", "A line", images=["i.png"]),
        # Files of its own: a row that ties two others goes nowhere when it comes last, and steers them when first.
        chat("<audio><image>Both?", audios=["b.wav"], images=["j.png"]),
        chat("<audio>Who?", "Nobody", audios=["gone.wav"]),
    ]
)
ROWS = st.lists(ROW | ODD | MEDIA, min_size=1, max_size=10)
# A row is small as it is: to look for a smaller one takes minutes.
SETTINGS = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    max_examples=full(25, 400),
    phases=[Phase.explicit, Phase.generate],
)


def distinct(rows: list) -> list:
    """The rows after a good one, without those of which the order decides which is kept.

    These are rows that share an id, and rows that say the same and are not the same.
    """
    seen: dict[str, object] = {}
    kept = [GOOD]
    for row in rows:
        if isinstance(row, dict):
            names = [f"id {row['id']}".strip()] if "id" in row else []
            names.append(json.dumps([row.get(name) for name in ("messages", "audios", "images")]))
            if any(seen.setdefault(name, row) != row for name in names) or ("id" in row and row in kept):
                continue
        kept.append(row)
    return kept


def run(folder: Path, rows: list, shards: int = 1) -> tuple[list[dict], dict]:
    """The ledger and the manifest."""
    path = folder / "rows.jsonl"
    path.write_bytes(b"".join(line_of(row).strip() + b"\n" for row in rows))
    source = converters.open_source("s", path, "t", {}, [folder], folder / "inside")
    entry = ValidSource("s", ["sft", "eval"], [], [], path=str(path))
    with TemporaryDirectory(dir=folder) as work:
        for shard in range(shards):
            converted, valid = Path(work) / f"{shard}.c.jsonl", Path(work) / f"{shard}.jsonl"
            converters.convert_source(source, "messages", converted, Part(shard, shards))
            with Gate(str(path), entry.use, ValidateConfig(policy=POLICY)) as gate:
                validate_file(gate, converted, valid, valid.with_suffix(".ledger.jsonl"))
            entry.valid.append(str(valid))
            entry.ledger.append(str(valid.with_suffix(".ledger.jsonl")))
        output = Path(work) / "split"
        manifest = split_sources([entry], [folder], RULES, output)
        ledger = read_jsonl(output / "ledger.jsonl")
        for name in FILES:
            written = Counter(row["line"] for row in read_jsonl(output / f"{name}.jsonl"))
            assert written == Counter(row["line"] for row in ledger if name in row["split"])
        return ledger, manifest


def judged(row: dict) -> tuple:
    """What the ledger says of a row, but its place; a repair that is true of the file is no repair of the row."""
    codes = [code for code in row["codes"] if code not in OF_A_FILE]
    alone = row["verdict"] == "repaired" and not REPAIRED & set(codes)
    return "accepted" if alone else row["verdict"], codes, row["split"]


@SETTINGS
@given(rows=ROWS, shards=st.integers(2, 4), seed=st.integers(0, 99))
def test_verdicts_are_stable_and_counts_add_up(tmp_path: Path, rows, shards, seed):
    for sound, picture in ("ai", "bj"):
        wav(tmp_path / f"{sound}.wav")
        image(tmp_path / f"{picture}.png")
    rows = distinct(rows)
    lines = [number for number, row in enumerate(rows, 1) if line_of(row).strip()]
    first, manifest = run(tmp_path, rows)
    counts = manifest["sources"]["s"]
    assert [row["line"] for row in first] == lines
    assert counts["read"] == len(lines)
    verdicts = Counter(row["verdict"] for row in first)
    assert {name: counts[name] for name in ("accepted", "repaired", "rejected", "duplicate")} == {
        name: verdicts[name] for name in ("accepted", "repaired", "rejected", "duplicate")
    }
    # The same rows again; in several parts; in another order.
    assert run(tmp_path, rows) == (first, manifest)
    parted, _ = run(tmp_path, rows, shards)
    assert [row["line"] for row in parted] == lines
    assert list(map(judged, parted)) == list(map(judged, first))
    other = random.Random(seed).sample(rows, len(rows))
    turned, _ = run(tmp_path, other)
    assert by_content(other, turned) == by_content(rows, first)


def by_content(rows: list, ledger: list[dict]) -> Counter:
    """What is said of each row; of equal ones any may be kept."""
    return Counter((line_of(rows[row["line"] - 1]).strip(), json.dumps(judged(row))) for row in ledger)
