"""Media behind URLs: fetched from where they may be, once, whole or not at all. The server is a real one."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from media_files import image, wav

from omnitune.config.validate import ValidateConfig
from omnitune.media import fetch as fetch_module
from omnitune.media.fetch import Fetcher
from omnitune.media.urls import is_allowed, prefix_mistake
from omnitune.records import Message, Record
from omnitune.validation.codes import Finding
from omnitune.validation.lint import Linter
from omnitune.validation.validate import Gate


class Server(ThreadingHTTPServer):
    """Files of a folder, and paths that misbehave; `asked` are the paths that were asked for."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder, self.asked = folder, list[str]()
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        before = self.server.asked.count(self.path) - 1
        word, _, rest = self.path.removeprefix("/media/").partition("/")
        if word in ("to", "loop"):
            self.send_response(302)
            self.send_header("Location", self.path if word == "loop" else rest.replace("::", "://"))
            self.end_headers()
        elif word == "busy" and before < int(rest):
            self.send_error(503)
        elif word in ("cut", "long", "endless"):
            self.send_response(200)
            if word != "endless":
                self.send_header("Content-Length", str(10**9))
            self.end_headers()
            for _ in range(1000 if word == "endless" else 1):
                self.wfile.write(bytes(10**4))
        elif word == "silent":
            time.sleep(5)
        else:
            path = self.server.folder / ("a.wav" if word == "busy" else word.replace("%C3%A9%20", "é "))
            self.send_response(200 if path.is_file() else 404)
            content = path.read_bytes() if path.is_file() else b""
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(fetch_module, "_PAUSE", 0.01)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    (tmp_path / "served").mkdir()
    wav(tmp_path / "served" / "a.wav")
    image(tmp_path / "served" / "alpha.png", mode="RGBA")
    (tmp_path / "served" / "é b.wav").write_bytes((tmp_path / "served" / "a.wav").read_bytes())
    (tmp_path / "served" / "page.wav").write_text("<!DOCTYPE html><title>Sign in</title>")
    (tmp_path / "served" / "empty.wav").touch()
    server = Server(tmp_path / "served")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def fetcher(server: Server, tmp_path: Path) -> Fetcher:
    return Fetcher(tmp_path / "media", [f"{server.url}/media/"], largest=2_000_000)


def code_of(found: str | Finding) -> str:
    return found.code if isinstance(found, Finding) else ""


def test_equal_content_is_one_file_named_by_it(server: Server, fetcher: Fetcher, tmp_path: Path):
    url = f"{server.url}/media/a.wav"
    one, other, same = fetcher.fetch([url, f"{server.url}/media/é b.wav", url])
    assert one == other == same
    assert Path(str(one)).parent == tmp_path / "media"
    assert Path(str(one)).suffix == ".wav"
    assert Path(str(one)).read_bytes() == (tmp_path / "served" / "a.wav").read_bytes()
    assert len(server.asked) == 2
    # Neither this run nor the next one asks again; a file that is gone is fetched anew.
    assert Fetcher(tmp_path / "media", [f"{server.url}/media/"]).fetch([url]) == [one]
    assert len(server.asked) == 2
    Path(str(one)).unlink()
    assert Fetcher(tmp_path / "media", [f"{server.url}/media/"]).fetch([url]) == [one]
    assert Path(str(one)).is_file()


@pytest.mark.parametrize(
    ("path", "code", "said", "asked"),
    [
        ("/media/missing.wav", "E244", "the server answers 404", 1),
        ("/media/busy/2", "", "", 3),
        ("/media/busy/9", "E244", "the server answers 503", 3),
        ("/media/cut", "E244", "gives more than 2 MB", 1),
        ("/media/endless", "E244", "gives more than 2 MB", 1),
        ("/media/empty.wav", "E244", "an empty file", 1),
        ("/media/loop", "E244", "302", 5),
        ("/other/a.wav", "E071", "validate.urls does not allow", 0),
        ("/media/../other/a.wav", "E071", "validate.urls does not allow", 0),
        ("/media/%2e%2e/other/a.wav", "E071", "validate.urls does not allow", 0),
    ],
)
def test_what_a_server_may_do(server: Server, fetcher: Fetcher, tmp_path: Path, path, code, said, asked):
    (found,) = fetcher.fetch([server.url + path])
    assert (code_of(found), len(server.asked)) == (code, asked)
    assert said in str(found)
    assert not code or list(tmp_path.glob("media/*")) == []
    assert list(tmp_path.glob("media/.*")) == []


def test_a_cut_connection_is_tried_again_and_leaves_nothing(server: Server, tmp_path: Path):
    fetcher = Fetcher(tmp_path / "media", [f"{server.url}/media/"])
    (found,) = fetcher.fetch([f"{server.url}/media/cut"])
    assert "the connection ends after 10000 of 1000000000 bytes" in str(found)
    assert len(server.asked) == 3
    assert list((tmp_path / "media").iterdir()) == []


def test_a_server_that_does_not_answer_or_is_not_there_costs_little(
    server: Server, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(fetch_module, "_PATIENCE", 0.2)
    begun = time.monotonic()
    (silent,) = fetcher.fetch([f"{server.url}/media/silent"])
    assert code_of(silent) == "E244"
    absent = Fetcher(fetcher._folder, ["http://127.0.0.1:9/"]).fetch(["http://127.0.0.1:9/a.wav"])
    assert [code_of(found) for found in absent] == ["E244"]
    assert time.monotonic() - begun < 5


def test_a_redirect_stays_where_media_may_come_from(server: Server, fetcher: Fetcher, tmp_path: Path):
    inside, outside, file = fetcher.fetch(
        [
            f"{server.url}/media/to/{server.url.replace('://', '::')}/media/a.wav",
            f"{server.url}/media/to/{server.url.replace('://', '::')}/other/a.wav",
            f"{server.url}/media/to/file::{tmp_path}/served/a.wav",
        ]
    )
    assert code_of(inside) == ""
    assert [code_of(outside), code_of(file)] == ["E071", "E071"]
    assert isinstance(outside, Finding)
    assert outside.sentence() == (
        f"{server.url}/media/to/{server.url.replace('://', '::')}/other/a.wav leads to {server.url}/other/a.wav, "
        "which validate.urls does not allow. Add the beginning of that URL to validate.urls, or download the file "
        "and name its local path."
    )
    assert isinstance(file, Finding)
    assert file.sentence().endswith("does not allow. Download the file and name its local path.")
    assert "/other/a.wav" not in server.asked


def test_the_gate_fetches_puts_right_and_says_so(server: Server, tmp_path: Path):
    turns = [Message("user", "<image><audio>Why?"), Message("assistant", "So.")]
    png, sound, page = (f"{server.url}/media/{name}" for name in ("alpha.png", "a.wav", "page.wav"))
    rows = [
        Record("s/1", "s", 1, "t", turns, images=[png], audios=[sound]),
        Record("s/2", "s", 2, "t", turns, images=[png], audios=[page]),
        Record("s/3", "s", 3, "t", turns, images=["https://elsewhere/a.png"], audios=[sound]),
    ]
    settings = ValidateConfig(urls=[f"{server.url}/media/"])
    with Gate("d.jsonl", ["sft"], settings, tmp_path / "media") as gate:
        good, no_sound, elsewhere = gate.judge(rows)
    assert good.record is not None
    assert good.record.facts is not None
    assert (good.ledger.verdict, good.ledger.codes) == ("repaired", ["E243", "E111"])
    assert f"URL fetched, alpha channel of {png}, used is {good.record.images[0]}" in good.ledger.message
    assert {Path(path).parent for path in (*good.record.images, *good.record.audios)} == {tmp_path / "media"}
    assert [medium.origin for medium in good.record.facts.media] == [png, sound]
    assert (no_sound.ledger.verdict, no_sound.ledger.codes) == ("rejected", ["E079"])
    assert no_sound.ledger.message.startswith(f"d.jsonl:2 (id 2): {page} is an HTML page")
    assert (elsewhere.ledger.verdict, elsewhere.ledger.codes) == ("rejected", ["E071"])
    assert "validate.urls" in elsewhere.ledger.message


def test_without_a_list_nothing_is_asked_for(server: Server, tmp_path: Path):
    row = Record(
        "s/1",
        "s",
        1,
        "t",
        [Message("user", "<audio>?"), Message("assistant", "!")],
        audios=[f"{server.url}/a.wav"],
    )
    (judged,) = Gate("d.jsonl", ["sft"], None, tmp_path / "media").judge([row])
    assert (judged.ledger.codes, server.asked) == (["E071"], [])
    lines = tmp_path / "d.jsonl"
    lines.write_text(f'{{"messages":[{{"role":"user","content":"<audio>?"}},{{"role":"assistant","content":"!"}}],'
                     f'"audios":["{server.url}/media/a.wav"]}}\n')  # fmt: skip
    remarks = list(Linter(ValidateConfig(), ["sft"], [tmp_path]).check(lines))
    assert ([remark.code for remark in remarks], server.asked) == (["E071"], [])


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://host/a/b.wav", True),
        ("https://HOST/a/b.wav?x=1", True),
        ("http://host/a/b.wav", False),
        ("https://host/b.wav", False),
        ("https://host.evil/a/b.wav", False),
        ("https://host@evil/a/b.wav", False),
        ("https://host:8443/a/b.wav", False),
        ("https://host/a/../b.wav", False),
        ("https://host/a/%2E%2e/b.wav", False),
        ("https://host/a/..%5cb.wav", False),
        ("https://[host/a/b.wav", False),
        ("file:///a/b.wav", False),
    ],
)
def test_a_prefix_is_one_of_scheme_host_and_path(url: str, allowed: bool):
    assert is_allowed(url, ["https://other/", "https://host/a/"]) == allowed


@pytest.mark.parametrize(
    "prefix",
    [
        "",
        "host/a",
        "https://",
        "https://host",
        "ftp://host/",
        "https://u:p@host/",
        "https://host/?a",
        "https://[/",
    ],
)
def test_what_is_no_prefix_is_told(prefix: str):
    assert "https://{host}/folder/" in prefix_mistake(prefix)
    assert prefix_mistake("https://host:8443/a_b-") == ""
