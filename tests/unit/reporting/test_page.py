"""The page: what it shows, what it never shows, and how broken inputs are told."""

import json
import re

import pytest
from page_checker import Checker

from omnitune.reporting.inputs import Experiment, Model, Split, read
from omnitune.reporting.page import render


def comparison(base, tuned, low, high):
    change = tuned - base
    return {
        "base": base,
        "tuned": tuned,
        "change": change,
        "ci95": [low, high],
        "n": 200,
        "improved": 9,
        "worsened": 4,
    }


def metrics(task="digits", tuned=0.5, low=0.3):
    base = {"exact_match": 0.08, "n": 200, "ci95": {"exact_match": [0.05, 0.12]}}
    after = {"exact_match": tuned, "n": 200, "ci95": {"exact_match": [tuned - 0.05, tuned + 0.05]}}
    after["modalities"] = base["modalities"] = {"image": {"exact_match": 0.125, "n": 8}}
    return {
        "version": 1,
        "metrics": {"exact_match": {"label": "exact match", "higher_is_better": True}},
        "stages": {"base": {task: base}, "merge": {task: after}},
        "comparisons": {"merge": {task: {"exact_match": comparison(0.08, tuned, low, 0.5)}}},
        "unscored": {},
        "notes": [f"{task}: 3 rows have no reference answer and are not scored."],
    }


MODEL = Model(base="Qwen/Qwen3-Omni", architecture="Qwen3OmniMoe", parameters=1234567, has_talker=True)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sft").mkdir()
    write(tmp_path / "metrics.json", metrics())
    write(
        tmp_path / "sft/manifest.json",
        {
            "stage": "sft",
            "run_key": "feedbeef",
            "global_step": 18,
            "max_steps": 18,
            "train_loss": 0.71234,
            "trainable_parameters": 5000,
            "total_parameters": 1000000,
            "settings": {"learning_rate": 0.0001, "lora_rank": 8},
            "versions": {"ms-swift": "4.6.0"},
        },
    )
    log = [{"loss": 2.0 / step, "global_step/max_steps": f"{step}/18"} for step in range(1, 19)]
    log.insert(9, {"eval_loss": 0.4321, "global_step/max_steps": "9/18"})
    log.append({"train_runtime": 12.5, "train_loss": 0.7})
    (tmp_path / "sft/training_log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in log))
    return tmp_path


def write(path, value):
    path.write_text(json.dumps(value))
    return path


def experiment(folder, name="main", **fields):
    return Experiment(name=name, metrics=f"{folder}/metrics.json", sft=f"{folder}/sft", **fields)


SPLIT = {
    "files": {"train.jsonl": {"rows": 1200}, "test.jsonl": {"rows": 200}, "ledger.jsonl": {"rows": 1407}},
    "sources": {
        "digits": {
            "read": 1407,
            "accepted": 1400,
            "rejected": 7,
            "codes": {"media_missing": 7},
            "train": 1200,
        }
    },
    "tasks": {"digits": {"train": 1200, "val": 0, "test": 200}},
    "modalities": {"image": {"train": 1200, "val": 0, "test": 200}},
}


def page(folder, *experiments, run="demo", split=SPLIT):
    split = read(write(folder / "split.json", split), Split)
    return render(run, split, MODEL, experiments or [experiment(folder)])


def text(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.split("</style>")[1]))


def test_the_page_tells_the_result_the_training_and_the_data(folder):
    shown = text(page(folder))
    for part in (
        "Clearly better.",
        "digits exact match 0.080 → 0.500 (+0.420, 95 % CI +0.300 to +0.500, n=200)",
        "digits: 3 rows have no reference answer and are not scored.",
        "train 1 200, test 200 rows",
        "1 234 567 parameters",
        "mean training loss 0.7123",
        "5 000 0.50 %",
        "0.4321",
        "digits media_missing 7",
        "digits 1 407 1 400 0 7 0 1 200 0 0",
        "learning_rate 0.0001",
        "ms-swift 4.6.0",
        "sft feedbeef",
        "image exact match 8 0.125 0.125",
    ):
        assert part in shown, part


def test_the_page_is_well_formed_and_fetches_nothing(folder):
    html = page(folder, experiment(folder), experiment(folder, "second"))
    found = Checker(html)
    assert found.stack == []
    assert len(found.ids) == len(set(found.ids))
    assert found.wanted <= set(found.ids)
    assert found.fetched == []
    assert "script" not in found.tags
    assert "url(" not in html
    assert "@import" not in html
    assert "default-src 'none'" in html


def test_every_chart_is_named_and_has_a_table(folder):
    html = page(folder)
    charts = html.count('<svg class="chart" role="img"')
    assert charts == html.count("<title id=") == html.count("<desc id=") == 2
    for article in re.findall(r"<article.*?</article>", html, re.S):
        assert "<svg" not in article or "<table>" in article


def test_names_from_the_data_are_text_and_never_markup(folder):
    evil = "<script>alert(1)</script>"
    write(folder / "metrics.json", metrics(evil))
    split = {"files": {}, "sources": {evil: {"codes": {evil: 1}}}, "tasks": {evil: {"train": 1}}}
    html = page(folder, experiment(folder, evil), experiment(folder, '"><img src=x>'), run=evil, split=split)
    assert "<script" not in html.lower()
    assert "<img" not in html
    # run (heading and title), two cards, tasks, source, code, chart labels, notes, ...: all of them as text
    assert html.count("&lt;script&gt;alert(1)&lt;/script&gt;") > 10
    assert Checker(html).stack == []


def test_no_clear_change_is_not_sold_as_one(folder):
    write(folder / "metrics.json", metrics(tuned=0.11, low=-0.02))
    shown = text(page(folder))
    assert "No clear change." in shown
    assert "≈ not clear" in shown
    assert "▲ better" not in shown


def test_experiments_stand_side_by_side(folder):
    other = folder / "other"
    other.mkdir()
    (other / "sft").mkdir()
    write(other / "metrics.json", metrics(tuned=0.75))
    write(other / "sft/manifest.json", {"settings": {"learning_rate": 0.0005, "lora_rank": 8}})
    html = page(folder, experiment(folder), experiment(other, "fast-rate"))
    assert "<strong>0.750</strong>" in html
    assert "<strong>0.500</strong>" not in html
    assert re.search(r'<tr class="differs"><th scope="row">learning_rate</th>.*0\.0001.*0\.0005', html)
    assert '<tr><th scope="row">lora_rank</th>' in html
    assert "No loss was logged." in html


def test_one_experiment_is_compared_with_nothing_but_base(folder):
    assert "Experiments compared" not in page(folder)


def test_a_run_without_scores_or_training_says_so(folder):
    shown = text(page(folder, Experiment(name="main"), split={}))
    assert "this page cannot say whether tuning helped" in shown
    assert "This experiment trained nothing." in shown


def test_a_run_without_base_shows_values_only(folder):
    only = metrics()
    only["comparisons"] = {}
    del only["stages"]["base"]
    write(folder / "metrics.json", only)
    html = page(folder, experiment(folder), experiment(folder, "second"))
    assert "this page cannot say whether tuning helped" in html
    assert "95 % CI</th>" not in html
    assert "0.500" in html


def test_a_task_that_only_some_stages_have(folder):
    partial = metrics()
    partial["stages"]["sft"] = {"tones": {"exact_match": None, "n": 2, "ci95": {"exact_match": None}}}
    write(folder / "metrics.json", partial)
    shown = text(page(folder))
    assert "no value" in shown
    assert Checker(page(folder)).stack == []


def test_equal_inputs_give_equal_bytes_wherever_they_lie(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "deep"
    folder.joinpath("sft/manifest.json").touch()
    import shutil

    shutil.copytree(folder, elsewhere)
    assert page(folder) == page(elsewhere)
    assert str(folder) not in page(folder)


def log(path, *lines):
    path.write_text("".join(line + "\n" for line in lines))
    return path


def test_a_diverged_training_is_told(folder):
    log(
        folder / "sft/training_log.jsonl",
        '{"loss": 3.0, "global_step/max_steps": "1/3"}',
        '{"loss": NaN, "global_step/max_steps": "2/3"}',
        '{"loss": Infinity, "global_step/max_steps": "3/3"}',
    )
    assert "2 logged values are not finite numbers: the training diverged there." in text(page(folder))
    log(folder / "sft/training_log.jsonl", '{"loss": NaN, "global_step/max_steps": "2/3"}')
    assert "No loss was logged." in text(page(folder))
