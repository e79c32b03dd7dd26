"""llm_judge against a server of its own on this machine."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from omnitune.rewards import PATIENCE_VARIABLE, REWARDS, JudgeError
from omnitune.rewards.judge_service import read_key

judge = REWARDS["llm_judge"]


class Judge(ThreadingHTTPServer):
    """Answers as a chat server does: with the number in the answer that it is asked about."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[dict] = []
        self.keys: list[str | None] = []
        self.replies: list[tuple[int, str]] = []  # taken first, one a request
        self.elsewhere = ""  # a redirect points there
        self.pause = 0.0
        self.together = threading.Barrier(1)  # so many requests are answered at a time
        self.working = self.most_working = 0
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class Handler(BaseHTTPRequestHandler):
    server: Judge

    def do_POST(self) -> None:
        judge = self.server
        with judge.lock:
            judge.working += 1
            judge.most_working = max(judge.working, judge.most_working)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        judge.requests.append({"path": self.path, **body})
        judge.keys.append(self.headers["Authorization"])
        judge.together.wait(60)
        time.sleep(judge.pause)
        text = body["messages"][-1]["content"].partition("<answer>\n")[2].partition("\n</answer>")[0]
        code, reply = judge.replies.pop(0) if judge.replies else (200, f"I think {text}")
        self.send_response(code)
        if 300 <= code < 400:
            self.send_header("Location", judge.elsewhere)
        self.end_headers()
        raw = reply.startswith("<") or not reply
        self.wfile.write(
            reply.encode() if raw else json.dumps({"choices": [{"message": {"content": reply}}]}).encode()
        )
        with judge.lock:
            judge.working -= 1

    def do_GET(self) -> None:
        self.server.keys.append(self.headers["Authorization"])
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Judge]:
    yield from served()


@pytest.fixture
def other() -> Iterator[Judge]:
    yield from served()


def served() -> Iterator[Judge]:
    server = Judge()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omnitune.rewards.judge_service._FIRST_WAIT_SECONDS", 0.01)


def test_each_completion_is_rated_by_what_the_judge_says(server: Judge, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("secret\n")
    turns = [{"role": "system", "content": "s"}, {"role": "user", "content": "1 + 1?"}]
    answers = ["10", "2.5", "0", "12", "-3"]
    found = judge(
        answers,
        messages=[[*turns, {"role": "assistant", "content": text}] for text in answers],
        solution=["2"] * 5,
        url=f"{server.url}/",
        model="judge-7b",
        rubric="Be strict.",
        key_file=str(tmp_path / "key"),
        prompt_id=["p"] * 5,
    )
    assert found == [1, 0.25, 0, 1, 0]
    request = next(one for one in server.requests if "\n10\n" in one["messages"][1]["content"])
    assert (request["path"], request["model"], request["temperature"]) == ("/v1/chat/completions", "judge-7b", 0)
    assert request["messages"][0]["content"].startswith("Be strict.\n")
    expected = "<question>\n1 + 1?\n</question>\n<reference>\n2\n</reference>\n<answer>\n10\n</answer>"
    assert request["messages"][1]["content"] == expected
    assert server.keys == ["Bearer secret"] * 5


def test_a_busy_server_is_asked_again(server: Judge) -> None:
    server.replies = [(503, ""), (429, "")]
    assert judge(["7"], url=server.url, model="m", scale=7.0) == [1]
    assert len(server.requests) == 3


def test_no_opinion_where_the_judge_gives_no_number(server: Judge, capsys: pytest.CaptureFixture[str]) -> None:
    assert judge(["good", "5"], url=server.url, model="m", concurrency=1) == [None, 0.5]
    assert capsys.readouterr().out == "llm_judge: no rating of 1 of 2 completions (no number in the reply)\n"
    # Nothing that a judge says of all completions of a batch ends a training.
    for reply in [(200, "none"), (200, "<html>"), (200, ""), (400, ""), (413, ""), (422, "")]:
        server.replies = [reply, reply]
        assert judge(["5", "5"], url=server.url, model="m", retries=0, patience=0.01) == [None, None]


def test_a_request_that_fails_beside_others_that_do_not_is_given_up(server: Judge) -> None:
    server.replies = [(200, "5"), (200, "5"), (500, ""), (500, "")]
    found = judge(["5"] * 4, url=server.url, model="m", concurrency=1, retries=1)
    assert found == [0.5, 0.5, 0.5, 0.5]  # none was heard since it was asked, so it is asked again
    server.pause = 0.01
    stuck = threading.Event()
    answer = Handler.do_POST

    def one_fails(self: Handler) -> None:
        if b"stuck" in self.rfile.peek():
            stuck.set()
            self.close_connection = True
        else:
            answer(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Handler, "do_POST", one_fails)
        begun = time.monotonic()
        found = judge(["stuck", *["5"] * 40], url=server.url, model="m", concurrency=2, retries=2)
    assert (found, stuck.is_set()) == ([None, *[0.5] * 40], True)
    assert time.monotonic() - begun < 60  # not the patience of ten minutes


def test_so_many_requests_at_a_time_and_no_more(server: Judge) -> None:
    server.pause, server.together = 0.05, threading.Barrier(4)
    assert judge(["1"] * 12, url=server.url, model="m", concurrency=4) == [0.1] * 12
    assert server.most_working == 4


def test_a_judge_that_is_too_slow_or_away_ends_the_training_when_patience_does(
    server: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.pause = 0.5
    told = rf"^reward llm_judge: {server.url} has not replied for 0.2 s \(TimeoutError: timed out\)$"
    with pytest.raises(JudgeError, match=told):
        judge(["1"], url=server.url, model="m", timeout=0.05, retries=0, patience=0.2)
    begun = time.monotonic()
    with pytest.raises(JudgeError, match=r"has not replied for 0.3 s \(URLError: .*refused"):
        judge(["1"] * 99, url="http://127.0.0.1:9/v1", model="m", retries=1, patience=0.3)
    assert 0.3 <= time.monotonic() - begun < 30  # not that of each of them
    monkeypatch.setenv(PATIENCE_VARIABLE, "0.1")  # as in a trial
    with pytest.raises(JudgeError, match=r"for 0.1 s"):
        judge(["1"], url="http://127.0.0.1:9/v1", model="m")
    assert judge([], url=server.url, model="m") == []


def test_a_judge_that_comes_back_is_waited_for(server: Judge) -> None:
    """Longer than the repetitions of one request would."""
    server.replies = [(503, "")] * 7
    assert judge(["3", "7"], url=server.url, model="m", concurrency=1, retries=1, patience=20) == [0.3, 0.7]


def test_a_judge_that_takes_no_request_is_told_at_once(server: Judge) -> None:
    server.replies = [(401, "")]
    with pytest.raises(JudgeError, match=rf"^reward llm_judge: {server.url} takes no request \(HTTP 401\)$"):
        judge(["1"], url=server.url, model="m")
    assert len(server.requests) == 1


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_the_key_follows_no_redirect(server: Judge, other: Judge, tmp_path: Path, code: int) -> None:
    (tmp_path / "key").write_text("secret")
    server.replies, server.elsewhere = [(code, "")], f"{other.url}/chat/completions"
    with pytest.raises(JudgeError, match=f"takes no request \\(HTTP {code}\\)$"):
        judge(["1"], url=server.url, model="m", key_file=str(tmp_path / "key"))
    assert (server.keys, other.keys) == (["Bearer secret"], [])


@pytest.mark.parametrize(
    "text", ["secret\n", "\n  secret  \n", "secret\nanother line\n", "secret\r\n# of mine\r\n"]
)
def test_the_key_is_the_first_line_of_its_file(server: Judge, tmp_path: Path, text: str) -> None:
    (tmp_path / "key").write_bytes(text.encode())
    judge(["1"], url=server.url, model="m", key_file=str(tmp_path / "key"))
    assert server.keys == ["Bearer secret"]


@pytest.mark.parametrize(
    "content", [b"my secret\n", b"", b"\n \n", b"secret\x7f", "secr\u00e9t".encode(), b"secret\xff"]
)
def test_what_is_no_key_is_told_without_its_value(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(JudgeError) as told:
        judge(["1"], url="http://127.0.0.1:9/v1", model="m", key_file=str(path))
    assert str(told.value).startswith(f"reward llm_judge: {path} ")
    assert "secr" not in str(told.value).replace(str(path), "")
    assert told.value.__cause__ is None
    with pytest.raises(ValueError, match=r"cannot be read \(No such file"):
        read_key(str(tmp_path / "none"))


def test_a_proxy_of_the_machine_is_not_asked(server: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert judge(["3"], url=server.url, model="m") == [0.3]
