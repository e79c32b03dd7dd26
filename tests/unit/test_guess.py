"""What `make init` takes rows for."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from media_files import base64_of, chat, image, wav, write_jsonl

from omnitune.config.load import load
from omnitune.errors import PipelineError
from omnitune.guess import config_text, guess_all, refuse_unusable
from omnitune.guess.columns import Columns, guess_columns
from omnitune.guess.files import take_sample
from omnitune.guess.roots import common_folders, find_media
from omnitune.guess.task import guess_task
from omnitune.records import Message, Record


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that a checkout would be."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


# Columns.


@pytest.mark.parametrize(
    ("row", "format", "columns"),
    [
        (chat(), "messages", {}),
        ({"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}, "messages", {}),
        ({"dialog": chat()["messages"]}, "messages", {"dialog": "messages"}),
        (chat(question="<audio>", wav_path="a.wav"), "messages", {"wav_path": "audio"}),
        ({"question": "a", "answer": "b"}, "qa", {}),
        ({"prompt": "a", "response": "b"}, "qa", {"prompt": "question", "response": "answer"}),
        ({"Instruction": "a", "input": "", "Output": 3}, "qa", {"Instruction": "question", "Output": "answer"}),
        ({"problem": "a", "solution": "b"}, "qa", {"problem": "question", "solution": "answer"}),
        ({"question": "a", "answer": "b", "ground_truth": "c"}, "qa", {"ground_truth": "solution"}),
        ({"query": "a", "System Prompt": "s"}, "qa", {"query": "question", "System Prompt": "system"}),
        # A path is no question, whatever its column is called.
        ({"input": "a.wav", "user": "Who?", "label": "x"}, "qa",
         {"user": "question", "label": "answer", "input": "audio"}),
        ({"question": "a", "answer": "b", "pics": ["a.PNG", "b.jpg"]}, "qa", {"pics": "images"}),
        ({"question": "a", "answer": "b", "image": "a.png", "video": "v.mp4"}, "qa", {}),
        ({"question": "a", "answer": "b", "clip": "data:video/mp4;base64,AA"}, "qa", {"clip": "video"}),
        ({"text": "a", "audio": "a.wav"}, "unified", {}),
        ({"id": 1, "Transcript": "a", "wav": "a.wav"}, "unified", {"Transcript": "text", "wav": "audio"}),
        ({"caption": "a", "picture": {"bytes": b"\x89PNG", "path": None}}, "unified",
         {"caption": "text", "picture": "image"}),
        ({"sentence": "a", "clip": {"bytes": None, "path": "a.mp3"}}, "unified",
         {"sentence": "text", "clip": "audio"}),
    ],
)  # fmt: skip
def test_columns(row: dict[str, Any], format: str, columns: dict[str, str]):
    found = guess_columns([row] * 3)
    assert isinstance(found, Columns), found
    assert (found.format, found.columns) == (format, columns)


def test_rare_columns_do_not_decide():
    rows = [{"prompt": "a", "answer": "b"}] * 9 + [{"question": "a", "answer": "b"}]
    found = guess_columns(rows)
    assert isinstance(found, Columns)
    assert found.columns == {"prompt": "question"}


def test_a_question_that_ends_in_a_files_name_is_no_medium():
    found = guess_columns(
        [{"question": "What is in a.png", "answer": "b"}] + [{"question": "a", "answer": "b"}] * 2
    )
    assert isinstance(found, Columns)
    assert found.columns == {}


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({}, 'no column of turns or questions (columns: none)'),
        ({"text": "hello"}, 'no column of turns or questions (columns: "text")'),
        ({"speaker": 1, "audio": "a.wav"},
         'media but no column of turns, questions or texts (columns: "speaker", "audio")'),
        ({f"c{n}": n for n in range(9)},
         'no column of turns or questions (columns: "c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7", ...)'),
        ({"messages": "hello"}, 'no column of turns or questions (columns: "messages")'),
    ],
)  # fmt: skip
def test_what_cannot_be_guessed(row: dict[str, Any], why: str):
    assert guess_columns([row]) == f"the rows have {why}"


def test_notes_on_what_the_mapping_cannot_say():
    found = guess_columns([{"instruction": "a", "input": "b", "output": "c", "image": "a.png", "mask": "m.png"}])
    assert isinstance(found, Columns)
    assert found.notes == [
        '"mask" looks like image files too, but is not shown to the model.',
        '"input" is kept but not shown to the model: join it to "instruction" in the data.',
    ]
    found = guess_columns([{"problem": "a", "answer": "7", "solution": "first we add, then ..."}])
    assert isinstance(found, Columns)
    assert found.notes[0].startswith('"solution" is taken for the reference answer, but it is much longer')


# Media roots.


def media(rows: list[dict[str, Any]], file: str = "data/rows.jsonl", data: str = "data"):
    path = Path(file)
    path.parent.mkdir(parents=True, exist_ok=True)
    return find_media(rows, {"pic": "image"}, path, Path(data))


def test_roots_of_relative_paths(here: Path):
    image(here / "data/a/1.png")
    image(here / "data/2.png")
    image(here / "pics/3.png")
    found = media([{"image": "a/1.png"}, {"images": ["2.png", "gone.png"]}])
    assert (found.roots, found.named, found.found) == ([here / "data"], 3, 2)
    # From the checkout's own folder, which then must be a root itself: it is looked for nowhere else.
    assert media([{"pic": "pics/3.png"}]).roots == [here]
    # Beside the source at the top of the checkout, one folder is enough.
    assert media([{"pic": "pics/3.png"}], file="rows.jsonl", data="rows.jsonl").roots == [here / "pics"]


def test_roots_of_absolute_paths(here: Path, tmp_path_factory: pytest.TempPathFactory):
    other = tmp_path_factory.mktemp("other")
    paths = [str(image(other / name)) for name in ("a/1.png", "a/b/2.png")]
    assert media([{"image": paths}]).roots == [other / "a"]
    inside = str(image(here / "data/x/1.png"))
    assert media([{"image": inside}]).roots == [here / "data"]


def test_links_need_the_root_that_they_lead_to(here: Path, tmp_path_factory: pytest.TempPathFactory):
    other = tmp_path_factory.mktemp("other")
    image(other / "1.png")
    (here / "data").mkdir()
    (here / "data/a.png").symlink_to(other / "1.png")
    assert media([{"image": "a.png"}]).roots == [other]


def test_what_is_no_medium_opens_no_folder():
    paths = ["/etc/passwd", "/dev/zero", "a\0.png", "x" * 9999]
    assert media([{"images": paths}]) == ([], 4, 0, 0, 0)


def test_urls_and_media_inside_rows():
    parts = [
        {"type": "text", "text": "a.png"},
        {"type": "image_url", "image_url": {"url": "https://x.org/a.png"}},
        {"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}},
    ]
    found = media([{"messages": [{"role": "user", "content": parts}]}, {"image": "data:image/png;base64,AA"}])
    assert (found.named, found.urls, found.embedded) == (0, 1, 2)


def test_common_folders_never_hold_the_whole_disk():
    folders = [Path("/"), Path("/mnt/a/x"), Path("/mnt/a/y/z"), Path("/srv/b")]
    assert common_folders(folders) == [Path("/mnt/a"), Path("/srv/b")]


# Task and metrics.


def record(question: str, answer: str, **columns: Any) -> Record:
    return Record("s/1", "s", 1, "t", [Message("user", question), Message("assistant", answer)], **columns)


@pytest.mark.parametrize(
    ("records", "name", "metrics"),
    [
        ([record("2 + 2?", "4")], "math", ["math_verify"]),
        ([record("x?", "so \\boxed{4} it is, after all of these many words")], "math", ["math_verify"]),
        ([record("x?", "add them\n#### 42")], "math", ["math_verify"]),
        ([record("half?", "$\\frac{1}{2}$")], "math", ["math_verify"]),
        ([record("<image>Which digit?", "7", images=["a.png"])], "short_answer", ["exact_match"]),
        ([record("<audio>Which keys?", "1 2 3", audios=["a.wav"])], "short_answer", ["exact_match"]),
        ([record("<audio>Transcribe this.", "hi", audios=["a.wav"])], "asr", ["wer", "cer"]),
        ([record("<audio>", "one two three four five", audios=["a.wav"])], "asr", ["wer", "cer"]),
        ([record("<audio>请转写这段语音", "今天天气很好", audios=["a.wav"])], "asr", ["cer"]),
        ([record("Who?", "Ada")], "short_answer", ["exact_match"]),
        ([record("Why?", "word " * 30)], "default", ["exact_match"]),
        ([], "default", ["exact_match"]),
    ],
)
def test_task(records: list[Record], name: str, metrics: list[str]):
    found = guess_task(records * 4)
    assert (found.name, found.metrics) == (name, metrics)


# Whole files.


def test_a_large_file_is_sampled_and_its_rows_estimated(here: Path):
    sample = take_sample(write_jsonl(here / "rows.jsonl", [{"question": "a", "answer": "b"}] * 1000))
    assert (len(sample.rows), sample.looked, sample.total, sample.whole) == (200, 200, 1000, False)


def test_train_and_test_files_are_parted_by_their_names(here: Path):
    for name in ("train.jsonl", "my-test.jsonl", "Contest.jsonl"):
        write_jsonl(here / "data" / name, [{"question": "a", "answer": "b"}] * 3)
    guesses, left_out = guess_all(Path("data"))
    assert {guess.name: guess.use for guess in guesses} == {
        "contest": ["sft"],
        "my-test": ["eval"],
        "train": ["sft"],
    }
    assert left_out == []
    # One file alone is split, whatever it is called.
    (alone,), _ = guess_all(Path("data/my-test.jsonl"))
    assert alone.use == ["sft", "eval"]


def test_rows_that_would_be_rejected_are_counted_with_their_reasons(here: Path):
    wav(here / "data/a.wav")
    good = chat("<audio>Who?", "Ada", audios=["a.wav"])
    bad = [chat("<audio>Who?", "Ada", audios=["b.wav"]), chat("<audio>Who?", "Ada"), b"{"]
    write_jsonl(here / "data/rows.jsonl", [good, *bad, bad[1]])
    (guess,), _ = guess_all(Path("data"))
    assert (guess.sample.looked, guess.fit) == (5, 1)
    assert guess.failures == [
        (2, "E041",
         'data/rows.jsonl:3: 1 <audio> marker but 0 entries in "audios". '
         "Add the missing path or remove the marker."),
        (1, "E061", guess.failures[1][2]),
        (1, "E001",
         "data/rows.jsonl:4: not valid JSON: the line ends too early. Write one JSON object a line."),
    ]  # fmt: skip
    assert guess.failures[1][2].startswith("data/rows.jsonl:2: no such file: b.wav")


def test_media_inside_rows_leave_nothing_behind(here: Path):
    url = f"data:audio/wav;base64,{base64_of(wav(here / 'a.wav'))}"
    write_jsonl(here / "rows.jsonl", [{"question": "Who?", "answer": "Ada", "audio": url}])
    before = sorted(here.rglob("*"))
    (guess,), _ = guess_all(Path("rows.jsonl"))
    assert (guess.fit, guess.media.embedded, guess.media.roots) == (1, 1, [])
    assert sorted(here.rglob("*")) == before


def prompt(question: str = "2 + 2?", **columns: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}], **columns}


def written(guesses: list[Any]) -> dict[str, Any]:
    """The config's values, which the pipeline's own loader takes."""
    values = yaml.safe_load(config_text.config_text("r", guesses, None))
    load(values)
    return values


def test_prompts_with_a_solution_are_for_grpo(here: Path):
    image(here / "data/a.png")
    system = {"role": "system", "content": "Think first."}
    rows = [prompt(f"<image>{n} + 1?", images=["a.png"], solution=str(n + 1)) for n in range(30)]
    for row in rows:
        row["messages"].insert(0, system)
    write_jsonl(here / "data/rows.jsonl", rows)
    guesses, _ = guess_all(Path("data"))
    refuse_unusable(guesses, Path("data"))
    assert (guesses[0].use, guesses[0].fit) == (["grpo", "eval"], 30)
    values = written(guesses)
    assert values["sft"] == {"enabled": False}
    assert values["grpo"] == {"enabled": True, "start_from": "base", "rewards": {"accuracy": 1.0}}
    assert values["split"] == {"val": 0.1, "test": 0.2}


def test_prompts_alone_are_rated_by_their_form_beside_test_rows_with_answers(here: Path):
    write_jsonl(here / "data/train.jsonl", [prompt()] * 3)
    write_jsonl(here / "data/test.jsonl", [prompt(solution="4")] * 3)
    guesses, _ = guess_all(Path("data"))
    refuse_unusable(guesses, Path("data"))
    assert {guess.name: guess.use for guess in guesses} == {"train": ["grpo"], "test": ["eval"]}
    assert written(guesses)["grpo"] == {"enabled": True, "start_from": "base", "rewards": {"format": 1.0}}


def test_prompts_beside_rows_to_imitate_wait_for_grpo(here: Path):
    write_jsonl(here / "data/chats.jsonl", [chat("Who?", "Ada")] * 3)
    write_jsonl(here / "data/prompts.jsonl", [prompt(solution="4")] * 3)
    guesses, _ = guess_all(Path("data"))
    assert {guess.name: guess.use for guess in guesses} == {"chats": ["sft", "eval"], "prompts": ["grpo", "eval"]}
    assert not {"sft", "grpo"} & set(written(guesses))
    text = config_text.config_text("r", guesses, None)
    (hint,) = (line[2:] for line in text.splitlines() if line.startswith("# grpo: "))
    config, _ = load(yaml.safe_load(text) | yaml.safe_load(hint))
    assert config.grpo.enabled


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"rows": [prompt()]}, "no row has an answer, to train on or to compare with. End the turns with the"),
        ({"a_test": [prompt(solution="4")], "train": [{"messages": 1}]},
         "only the files for testing, by their names, can be used. Mend the others, or name one file."),
        ({"a_test": [prompt()], "train": [chat("Who?", "Ada")]},
         "only the files for training, by their names, can be used. Mend the others, or name one file."),
    ],
)  # fmt: skip
def test_files_that_leave_nothing_to_train_on_or_to_score(here: Path, files: dict[str, Any], told: str):
    for name, rows in files.items():
        write_jsonl(here / f"data/{name}.jsonl", rows)
    guesses, _ = guess_all(Path("data"))
    with pytest.raises(PipelineError) as caught:
        refuse_unusable(guesses, Path("data"))
    assert str(caught.value).startswith(f"data: {told}")


def test_odd_names_survive_the_config(here: Path):
    folder = here / "data/a: b #c $d 'e' \"f\" 数据"
    image(folder / "p.png")
    for name in ("Train Set (v2).jsonl", "Train-Set__v2.jsonl", "数据.jsonl", "yes.jsonl", "1e3.jsonl"):
        write_jsonl(folder / name, [{"a: #b": 1, "Prompt ": "Who?", "Answer": "Ada", "{pic}": "p.png"}])
    guesses, left_out = guess_all(folder)
    assert left_out == []
    values = yaml.safe_load(config_text.config_text("yes", guesses, "Qwen/X"))
    config, _ = load(values)
    assert config.run == "yes"
    assert set(config.sources) == {guess.name for guess in guesses} >= {"yes", "1e3", "data", "train_set_v2"}
    for guess in guesses:
        assert config.sources[guess.name] == guess.config()
    assert config.sources["yes"].columns == {"Prompt ": "question", "Answer": "answer", "{pic}": "image"}
    assert config.media.roots == [str(folder.relative_to(here))]
