"""What holds for every split, whatever the rows."""

import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from split_workplace import RULES, SPLITS, Workplace, rejected

from omnitune.records import Facts, Medium, Message, Record
from omnitune.validation.assignment import FILES, Sameness
from omnitune.validation.groups import Draw

LOOSE = RULES._replace(draw=Draw(0.2, 0.4, 17), max_rejected=1.0, need_train=False, need_test=False)
KEEP = LOOSE._replace(sameness=Sameness(drop=False))
USES = [["sft", "eval"], ["sft"], ["eval"], ["grpo"], ["sft", "grpo"]]
# (files with their digests, question, answer); few values, so that rows meet.
FILE = st.tuples(st.sampled_from("abcdef"), st.sampled_from(["", "1", "2", "3"]))
ROW = st.tuples(st.lists(FILE, max_size=2), st.sampled_from("pqr"), st.sampled_from("xy"))
SOURCE = st.tuples(
    st.sampled_from(USES), st.lists(st.one_of(ROW, st.none()), min_size=1, max_size=8), st.integers(0, 8)
)


def record(name: str, line: int, drawn) -> Record:
    files, question, answer = drawn
    turns = [Message("user", "<audio>" * len(files) + question), Message("assistant", answer)]
    media = [Medium("audio", digest=digest and file + digest) for file, digest in files]
    paths = [f"/r/{file}" for file, _ in files]
    return Record(f"{name}/{line}", name, line, "t", turns, audios=paths, facts=Facts(media=media))


def split(drawn, rules, repeat: bool = False) -> tuple[Workplace, dict, list[dict]]:
    """The workplace, the manifest and the ledger of sources; None is a row that the gate rejected."""
    with tempfile.TemporaryDirectory() as folder:
        work = Workplace(Path(folder))
        for name, (use, rows, cut) in drawn:
            made = [
                rejected(name, line) if row is None else record(name, line, row)
                for line, row in enumerate(rows, 1)
            ]
            # Without a good row a source would stop the run.
            made.append(record(name, len(made) + 1, ([], name, "x")))
            if repeat and isinstance(made[0], Record):
                made[-1].id = made[0].id
            work.add(name, use, made[:cut], made[cut:])
        manifest = work.split(rules)
        work.files = {name: work.rows(name) for name in FILES}
        return work, manifest, work.rows("ledger")


@settings(max_examples=60, deadline=None)
@given(st.lists(SOURCE, min_size=1, max_size=3), st.booleans(), st.booleans())
def test_every_row_has_one_verdict_and_the_counts_add_up(sources, repeat, drop):
    drawn = [(f"s{number}", source) for number, source in enumerate(sources)]
    work, manifest, ledger = split(drawn, LOOSE if drop else KEEP, repeat)
    expected = [(name, line) for name, (_, rows, _) in drawn for line in range(1, len(rows) + 2)]
    assert [(row["source"], row["line"]) for row in ledger] == expected
    verdicts = Counter((row["source"], row["verdict"]) for row in ledger)
    for name, (_, rows, _) in drawn:
        counts = manifest["sources"][name]
        assert counts["read"] == len(rows) + 1
        for verdict in ("accepted", "repaired", "rejected", "duplicate"):
            assert counts[verdict] == verdicts[name, verdict]
        assert sum(counts[v] for v in ("accepted", "repaired", "rejected", "duplicate")) == counts["read"]
    for name in FILES:
        assert Counter(row["line"] for row in work.files[name]) == Counter(
            row["line"] for row in ledger if name in row["split"]
        )
    for row in ledger:
        assert bool(row["split"]) == (row["verdict"] in ("accepted", "repaired"))
        assert len(set(row["split"]) & set(SPLITS)) == (0 if row["split"] in ([], ["grpo"]) else 1)


@settings(max_examples=60, deadline=None)
@given(st.lists(SOURCE, min_size=1, max_size=3))
def test_no_file_or_copy_is_on_two_sides(sources):
    """Read from the files themselves, not from what the split says of them."""
    drawn = [(f"s{number}", source) for number, source in enumerate(sources)]
    work, manifest, _ = split(drawn, LOOSE)
    digests = {
        (name, line): {f"{file}{digest}" for file, digest in row[0] if digest}
        | {f"/r/{file}" for file, _ in row[0]}
        for name, (_, rows, _) in drawn
        for line, row in enumerate(rows, 1)
        if row is not None
    }
    held: dict[str, set[str]] = {"test": set(), "trained": set()}
    questions: dict[str, set[str]] = {"test": set(), "trained": set()}
    for name in FILES:
        side = "test" if name == "test" else "trained"
        for row in work.files[name]:
            held[side] |= digests.get((row["source"], row["line"]), set())
            if "audios" not in row:
                questions[side].add(row["messages"][0]["content"])
    assert not held["test"] & held["trained"]
    assert not questions["test"] & questions["trained"]
    for pair in manifest["leakage"]["splits"].values():
        assert pair | {"text": 0} == dict.fromkeys(pair, 0)


@settings(max_examples=40, deadline=None)
@given(st.lists(SOURCE, min_size=1, max_size=2), st.lists(SOURCE, min_size=1, max_size=2), st.booleans())
def test_added_rows_move_none(sources, more, drop):
    """More rows of the last source, and more sources: each row that was there is where it was, or is left out for
    one that is to be tested on, and shares something with it or says the same."""
    rules = LOOSE if drop else KEEP
    drawn = [(f"s{number}", source) for number, source in enumerate(sources)]
    use, rows, cut = sources[-1]
    grown = [*drawn[:-1], (drawn[-1][0], (use, [*rows, ([], drawn[-1][0], "x"), *more[0][1]], cut))]
    grown += [(f"t{number}", source) for number, source in enumerate(more)]
    old = {(row["source"], row["line"]): row for row in split(drawn, rules)[2]}
    new = {(row["source"], row["line"]): row for row in split(grown, rules)[2]}
    for place, row in old.items():
        now = new[place]
        if now["split"] != row["split"]:
            assert now["split"] == [], (row, now)
            assert now["codes"][-1] in ("E206", "E056"), (row, now)
            assert any("eval" in use for use, *_ in [sources[-1], *more])
