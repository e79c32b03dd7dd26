"""report.py as the rule calls it: output, exit codes, exact messages, and the page in a real browser."""

import json
import math
import re
import subprocess
import sys
from pathlib import Path

import pytest
from browser import browse, needs_chromium

SCRIPTS = Path(__file__).parents[2] / "workflow" / "scripts"
LONG = "a task with a long name that nobody would choose and somebody will"
TASKS = ["digits", "speech", "数字の読み取りテスト長い名前です", LONG]


def run(script, *argv, cwd):
    command = [sys.executable, SCRIPTS / script, *map(str, argv)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=cwd)


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Inputs as the stages before make them; the metrics by score.py itself."""
    folder = tmp_path_factory.mktemp("results")
    for stage, every in (("base", 5), ("merge", 2)):
        rows = []
        for task in TASKS:
            for i in range(40):
                answer = f"word{i} and more"
                reply = answer if i % every == 0 else f"{answer} x"
                row = {
                    "id": f"{task}/{i}",
                    "source": task,
                    "task": task,
                    "modality": "audio" if i % 2 else "image",
                }
                rows.append(json.dumps(row | {"prediction": reply, "reference": answer}))
        (folder / f"{stage}.jsonl").write_text("\n".join(rows) + "\n")
    tasks = json.dumps({"speech": ["wer", "cer"], "default": ["exact_match"]})
    files = ["base=base.jsonl", "merge=merge.jsonl"]
    scored = run("score.py", "--predictions", *files, "--tasks", tasks, "--output", "metrics.json", cwd=folder)
    assert scored.returncode == 0, scored.stderr
    source = {
        "read": 900,
        "accepted": 890,
        "rejected": 10,
        "codes": {"media_missing": 10},
        "train": 800,
        "test": 90,
    }
    write(folder / "split.json", {"files": {"train.jsonl": {"rows": 800}}, "sources": {LONG: source}})
    write(folder / "model.json", {"base": "Qwen/Qwen3-Omni-30B-A3B-Instruct", "parameters": 35259818545})
    settings = {
        "target_modules": [f"thinker.model.layers.{i}.self_attn.q_proj" for i in range(48)],
        "seed": 1,
    }
    write(folder / "sft/manifest.json", {"global_step": 300, "max_steps": 300, "settings": settings})
    write(folder / "merge/manifest.json", {"run_key": "0123456789abcdef" * 4})
    lines = [{"loss": 2 * math.exp(-s / 60) + 0.3, "global_step/max_steps": f"{s}/300"} for s in range(1, 301)]
    lines += [
        {"eval_loss": 2 * math.exp(-s / 60) + 0.4, "global_step/max_steps": f"{s}/300"} for s in (100, 200, 300)
    ]
    (folder / "sft/training_log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


MAIN = {"name": "main", "metrics": "metrics.json", "sft": "sft", "merge": "merge"}


def report(folder, *experiments, output="report.html", **changed):
    files = {"split": "split.json", "model": "model.json"} | changed
    return run(
        "report.py",
        *("--run", "demo", "--split-manifest", files["split"], "--model-manifest", files["model"]),
        *("--experiments", json.dumps(experiments or [MAIN]), "--output", output),
        cwd=folder,
    )


def test_writes_one_page_and_says_nothing(results):
    found = report(results)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")
    page = (results / "report.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "Clearly better on all 5 measures." in page
    assert len(page) < 200_000


def test_equal_results_make_equal_bytes(results):
    report(results, output="a.html")
    report(results, output="b.html")
    assert (results / "a.html").read_bytes() == (results / "b.html").read_bytes()


@pytest.mark.parametrize(
    ("experiment", "code", "message"),
    [
        (
            {"name": "main", "metrics": "none.json"},
            65,
            "error: none.json: there is no such file. Run the stage that makes it first.\n",
        ),
        (
            {"name": "main", "sft": "nowhere"},
            65,
            "error: nowhere/manifest.json: there is no such file. Run the stage that makes it first.\n",
        ),
        (
            {"name": "main", "metrics": "split.json"},
            65,
            "error: split.json: not a metrics.json: it has no stages. Run score again.\n",
        ),
        (
            {"name": "main", "metrics": "base.jsonl"},
            65,
            "error: base.jsonl: not readable: JSON is malformed: trailing characters (byte ",
        ),
        (
            {"name": "main", "metric": "m"},
            2,
            "error: --experiments: not readable: Object contains unknown field `metric` - at `$[0]`. "
            "Make it again.\n",
        ),
        (
            {},
            2,
            "error: --experiments: not readable: Object missing required field `name` - at `$[0]`. "
            "Make it again.\n",
        ),
    ],
)
def test_broken_inputs_are_a_sentence_and_leave_no_page(results, tmp_path, experiment, code, message):
    found = report(results, experiment, output=tmp_path / "report.html")
    assert found.returncode == code
    assert found.stderr.startswith(message)
    assert found.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_usage(results):
    found = run("report.py", "--run", "demo", cwd=results)
    assert found.returncode == 2
    assert "the following arguments are required" in found.stderr


# What is outside its box, wider than the window, or not loaded, as a list in the page's title.
PROBE = """<script>
const wrong = [];
const root = document.documentElement;
if (root.scrollWidth > root.clientWidth) wrong.push(`page ${root.scrollWidth} > ${root.clientWidth}`);
const texts = document.querySelectorAll("svg text, svg rect, svg polyline");
for (const part of texts) {
  const box = part.getBBox(), view = part.ownerSVGElement.viewBox.baseVal;
  if (box.x < 0 || box.y < 0 || box.x + box.width > view.width || box.y + box.height > view.height)
    wrong.push(`${part.tagName} ${part.textContent}`);
}
document.title = `checked ${texts.length}; wrong: ${wrong.join(", ") || "nothing"}; ink ` +
  getComputedStyle(document.body).backgroundColor;
</script>"""


@needs_chromium
@pytest.mark.parametrize(
    ("width", "scheme", "ink"), [(1100, 1, "rgb(247, 248, 250)"), (500, 0, "rgb(18, 22, 28)")]
)
def test_the_page_fits_a_browser_in_light_and_dark(results, tmp_path, width, scheme, ink):
    report(results, MAIN, MAIN | {"name": "second"}, output=tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    # The page's own policy forbids scripts, the probe's too.
    page = re.sub(r"<meta http-equiv[^>]*>", "", page).replace("</body>", PROBE + "</body>")
    (tmp_path / "probe.html").write_text(page)
    dom = browse(tmp_path / "probe.html", (width, 2000), f"--blink-settings=preferredColorScheme={scheme}").stdout
    title = re.search(r"<title>(.*?)</title>", dom).group(1)
    checked = int(re.match(r"checked (\d+)", title).group(1))
    assert checked > 60
    assert title == f"checked {checked}; wrong: nothing; ink {ink}"


@needs_chromium
def test_a_script_in_the_page_would_not_run(results, tmp_path):
    report(results, output=tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    (tmp_path / "attacked.html").write_text(page.replace("</body>", PROBE + "</body>"))
    dom = browse(tmp_path / "attacked.html", (1100, 2000)).stdout
    assert "<title>demo · omnitune report</title>" in dom
