"""The data page: what it shows, what it never fetches, how a browser sees it."""

import json
import re
from pathlib import Path

import pytest
from browser import browse, needs_chromium
from media_files import image, video, wav
from page_checker import Checker

from omnitune.config.media import MediaConfig
from omnitune.data_report.collect import Summary
from omnitune.data_report.page import render, shown_media
from omnitune.data_report.preview import previews
from omnitune.data_report.samples import Sample
from omnitune.records import Facts, LedgerRow, Medium, Message, Record
from omnitune.swift_args import media_environment
from omnitune.tokens.budget import effective_budget


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page with media of each kind, a broken one, and text that is markup."""
    data = tmp_path_factory.mktemp("media")
    broken = data / "broken.png"
    broken.write_bytes(b"no picture")
    media = {
        "images": [str(image(data / "i.png", (300, 200))), str(broken)],
        "audios": [str(wav(data / "a.wav"))],
        "videos": [str(video(data / "v.mp4"))],
    }
    turns = [Message("user", "<image><audio><video> <script>alert(1)</script>"), Message("assistant", "x" * 999)]
    facts = Facts(90, 9, [Medium("image", 300, 200), Medium("audio", seconds=1.0), Medium("video", 64, 64, 2.0)])
    row = Record("s/1", "s", 1, "t", turns, **media, facts=facts)
    summary = Summary()
    accepted = LedgerRow("s", 1, "s/1", "accepted", split=["train"])
    rejected = LedgerRow("s", 2, "s/2", "rejected", ["E101"], "d.jsonl:2: cannot be opened. Copy the file again.")
    summary.add(accepted, row)
    summary.add(rejected, None)
    samples = [Sample("E101", rejected, row), Sample("image+audio+video", accepted, row)]
    config = MediaConfig()
    budget = effective_budget(config, media_environment(config))
    shown = previews([medium for sample in samples for medium in shown_media(sample)])
    leakage = {"train and test": {"media": 0, "questions": 3}}
    return render("run <1>", summary, samples, budget, shown, leakage)


def test_the_page_is_whole_and_fetches_nothing(page: str):
    checker = Checker(page)
    assert checker.stack == []
    assert len(checker.ids) == len(set(checker.ids))
    assert checker.wanted <= set(checker.ids)
    assert checker.fetched == []
    assert "script" not in checker.tags
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "run &lt;1&gt;" in page


def test_media_are_shown_and_what_cannot_be_is_said(page: str):
    assert page.count("data:image/jpeg;base64,") == 4
    assert page.count("data:audio/ogg;base64,") == 2
    assert page.count("(cannot be shown)") == 2
    assert "broken.png" in page


def test_counts_are_whole_numbers(page: str):
    assert 'class="value" x="' in page
    assert "1.000" not in page


def test_the_budget_says_what_the_settings_mean(page: str):
    assert "137,625 pixels" in page
    assert "media.video_max_pixels" in page


@needs_chromium
def test_a_browser_shows_it_without_a_complaint(page: str, tmp_path: Path):
    path = tmp_path / "report.html"
    # What the browser made of it, told by the page itself: the policy that forbids scripts is left out for that.
    probe = (
        "<script>addEventListener('load', () => setTimeout(() => {document.title = JSON.stringify({"
        "images: [...document.images].map(i => i.naturalWidth), "
        "sounds: [...document.querySelectorAll('audio')].map(a => a.error === null), "
        "wide: document.documentElement.scrollWidth > innerWidth});}, 1500));</script>"
    )
    allowed = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    path.write_text(allowed.replace("</body>", f"{probe}</body>"), encoding="utf-8")
    done = browse(path, (1000, 900), "--virtual-time-budget=4000")
    found = re.search(r"<title>(\{.*?\})</title>", done.stdout)
    assert found, done.stderr[-2000:]
    seen = json.loads(found[1].replace("&quot;", '"'))
    assert len(seen["images"]) == 4
    assert all(width > 0 for width in seen["images"])
    assert seen["sounds"] == [True, True]
    assert not seen["wide"]
    assert "CONSOLE" not in done.stderr or "Refused" not in done.stderr
