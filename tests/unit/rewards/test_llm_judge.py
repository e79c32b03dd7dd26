"""llm_judge against a server of its own on this machine."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from omnitune.rewards import REWARDS, RewardError

judge = REWARDS["llm_judge"]


class Judge(ThreadingHTTPServer):
    """Answers as a chat server does: with the number in the answer that it is asked about."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[dict] = []
        self.keys: list[str | None] = []
        self.replies: list[tuple[int, str]] = []  # taken first, one a request
        self.pause = 0.0
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
        time.sleep(judge.pause)
        text = body["messages"][-1]["content"].partition("<answer>\n")[2].partition("\n</answer>")[0]
        code, reply = judge.replies.pop(0) if judge.replies else (200, f"I think {text}")
        self.send_response(code)
        self.end_headers()
        self.wfile.write(json.dumps({"choices": [{"message": {"content": reply}}]}).encode())
        with judge.lock:
            judge.working -= 1

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Judge]:
    server = Judge()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omnitune.rewards.llm_judge._FIRST_WAIT_SECONDS", 0.01)


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


def test_no_opinion_where_the_judge_gives_no_number(server: Judge) -> None:
    assert judge(["good", "5"], url=server.url, model="m", concurrency=1) == [None, 0.5]
    server.replies = [(400, "")]
    assert judge(["5", "5"], url=server.url, model="m", concurrency=1, retries=0) == [None, 0.5]


def test_so_many_requests_at_a_time_and_no_more(server: Judge) -> None:
    server.pause = 0.05
    assert judge(["1"] * 12, url=server.url, model="m", concurrency=4) == [0.1] * 12
    assert server.most_working in (3, 4)


def test_a_judge_that_is_too_slow_or_away_ends_the_training_with_a_sentence(server: Judge) -> None:
    server.pause = 0.5
    with pytest.raises(RewardError, match=r"^reward llm_judge: http.* rated none of 1 completions \(TimeoutError"):
        judge(["1"], url=server.url, model="m", timeout=0.05, retries=0)
    with pytest.raises(RewardError, match=r"rated none of 2 completions \(URLError: .*refused"):
        judge(["1", "2"], url="http://127.0.0.1:9/v1", model="m", retries=1)
    assert judge([], url=server.url, model="m") == []


def test_a_proxy_of_the_machine_is_not_asked(server: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert judge(["3"], url=server.url, model="m") == [0.3]
