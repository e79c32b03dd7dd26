"""Rows read as the preprocessors of the installed ms-swift read them."""

import json
from typing import Any

import pytest

from omnitune.records import Record

pytestmark = pytest.mark.swift

QUESTIONS = ("query", "prompt", "input", "instruction", "question", "problem")
ANSWERS = ("response", "answer", "output", "targets", "target", "answer_key", "answers", "solution")
CALL = '{"name": "weather", "arguments": {"city": "Ulm", "days": 2}}'
QA: list[dict[str, Any]] = [
    *({question: "Why?", "response": "So."} for question in QUESTIONS),
    *({"query": "Why?", answer: "So."} for answer in (*ANSWERS, "text", "completion", "content")),
    {"problem": "1 + 1", "solution": "2"},
    {"input": "q", "output": "a"},
    {"input": "q", "target": "a"},
    {"prompt": "q", "completion": "a"},
    {"Query": "q", "RESPONSE": "a"},
    {"query": "q", "response": "a", "system": "Be brief."},
    {"query": "q", "response": "a", "system_prompt": "Be brief."},
    {"query": "q", "response": ["a", "b"]},
    {"query": "q", "response": "a", "history": [["b", "c"], ["d", "e"]]},
    {"query": "q", "response": "a", "history": [["b", "c"]], "system": "Be brief."},
    {"query": "q", "response": "a", "history": "[['b', 'c'], ['d', 'e']]"},
    {"query": "q", "response": "a", "history": "[['b', None]]"},
    {"query": "q", "response": "a", "history": []},
    {"query": "q", "response": "a", "history": None},
    {"query": "q", "response": "a", "question": "x", "answer": "y"},
    {"instruction": "Add.", "input": "1, 2", "output": "3"},
    {"instruction": "Add.", "input": "", "output": "3"},
    {"instruction": "Add.", "input": None, "output": "3"},
    {"instruction": "", "input": "1 + 2", "output": "3"},
    {"instruction": "Add.", "input": " ", "output": "3"},
    {"instruction": "Add.", "input": "1, 2", "output": "3", "history": [["b", "c"]]},
    {"instruction": "Add.", "output": "3"},
]


def turns(*pairs: tuple[str, Any], role: str = "role", content: str = "content") -> list[dict[str, Any]]:
    return [{role: name, content: text} for name, text in pairs]


TALK = (("user", "q"), ("assistant", "a"), ("user", "r"), ("assistant", "b"))
SHARE = (("human", "q"), ("gpt", "a"), ("human", "r"), ("gpt", "b"))
TURNS: list[dict[str, Any]] = [
    *({name: turns(*TALK)} for name in ("messages", "conversation", "conversations")),
    {"messages": turns(*TALK), "system": "Be brief."},
    {"messages": turns(("system", "Be brief."), *TALK)},
    {"conversations": turns(*SHARE, role="from", content="value")},
    {"conversations": turns(*SHARE, role="from", content="value"), "system_prompt": "Be brief."},
    {"messages": turns(*SHARE)},
    {"messages": turns(("user", "q"), ("bot", "a"))},
    {"conversation": [{"human": "q", "assistant": "a"}, {"human": "r", "assistant": "b"}]},
    {"conversation": [{"user": "q", "gpt": "a"}], "system": "Be brief."},
]
TOOLS = [
    {"messages": turns(("user", "q"), *calls, (result, "sun"), (result, "17"), ("assistant", "a"))}
    for calls, result in (
        ([("tool_call", CALL)], "tool"),
        ([("function_call", CALL)], "tool_response"),
        ([("tool_call", CALL), ("tool_call", CALL)], "observation"),
        ([("assistant", "Let me see."), ("tool_call", CALL)], "observations"),
        ([("tool_call", "{'name': 'weather', 'parameters': '{\"city\": \"\u00dclm\"}'}")], "function_response"),
    )
]


def swift_messages(row: dict[str, Any]) -> list[tuple[str, str]]:
    """The turns that ms-swift makes of the row, calls and results of tools as its template takes them."""
    from datasets import Dataset
    from swift.agent_template import agent_template_map
    from swift.dataset.preprocessor import AutoPreprocessor

    # Tables give a null for what a row has not.
    (made,) = AutoPreprocessor()(
        Dataset.from_list([row]), load_from_cache_file=False, strict=True, enable_auto_mapping=True
    )
    said: list[tuple[str, str]] = []
    calls: list[dict[str, Any]] = []
    for message in [*made["messages"], {"role": "end", "content": ""}]:
        if message["role"] == "tool_call":
            calls.append(message)
            continue
        if calls:
            # Template._preprocess_tool_call, and _swift_prepare_inputs for neighbours.
            text = agent_template_map["hermes"]()._format_tool_calls(calls)
            before = said.pop()[1] if said[-1][0] == "assistant" else ""
            said.append(("assistant", before + text))
            calls = []
        role = "tool" if message["role"] == "tool_response" else message["role"]
        said.append((role, message["content"]))
    return said[:-1]


@pytest.mark.parametrize("row", [*QA, *TURNS, *TOOLS], ids=lambda row: json.dumps(row)[:60])
def test_a_row_has_the_turns_that_ms_swift_gives_it(convert, row, tmp_path, monkeypatch):
    monkeypatch.setenv("MODELSCOPE_CACHE", str(tmp_path))
    expected = swift_messages(json.loads(json.dumps(row)))
    record = convert(row, "jsonl")
    assert isinstance(record, Record)
    assert [(message.role, message.content) for message in record.messages] == expected
