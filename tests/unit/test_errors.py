"""The three parts of an error, and the exit code that each way of ending gives."""

import errno
from collections.abc import Sequence

import pytest

from omnitune.errors import ExitCode, PipelineError, run, suggest


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (PipelineError("it is empty", where="a.jsonl:3", fix="Fill it."), "a.jsonl:3: it is empty. Fill it."),
        (PipelineError("it is empty", where="a.jsonl"), "a.jsonl: it is empty."),
        (PipelineError("The disk is full"), "The disk is full."),
        (PipelineError("Did it end?", fix="Look."), "Did it end? Look."),
    ],
)
def test_an_error_reads_as_one_sentence(error, text):
    assert str(error) == text


def test_the_closest_name_is_suggested_and_nothing_far_off():
    assert suggest("learning_rat", ["max_length", "learning_rate"]) == "Did you mean learning_rate?"
    assert suggest("xyz", ["max_length", "learning_rate"]) == ""


def ends(error: BaseException | None, code: int = 0) -> int:
    def main(argv: Sequence[str] | None) -> int:
        assert argv is None
        if error:
            raise error
        return code

    with pytest.raises(SystemExit) as ended:
        run(main)
    return ended.value.code


def test_a_command_ends_with_what_main_returns(capsys):
    assert ends(None) == 0
    assert ends(None, 3) == 3
    assert capsys.readouterr() == ("", "")


def test_a_pipeline_error_is_its_sentence_and_its_code(capsys):
    assert ends(PipelineError("it is bad", where="x", fix="Mend it.", code=ExitCode.DATA)) == 65
    assert capsys.readouterr() == ("", "error: x: it is bad. Mend it.\n")


def test_lines_after_the_first_are_indented(capsys):
    assert ends(PipelineError("two things:\n  a\n\nb", fix="\nMend them.")) == 78
    assert capsys.readouterr().err == ("error: two things:\n         a\n       \n       b. \n       Mend them.\n")


def test_the_state_of_the_machine_is_told_without_a_traceback(capsys):
    assert ends(OSError(errno.ENOSPC, "No space left on device", "out/a.bin")) == 74
    assert ends(OSError("odd")) == 74
    assert capsys.readouterr().err == (
        "error: out/a.bin: No space left on device. Free space there, then run again.\nerror: input/output: odd.\n"
    )


def test_a_copy_names_the_side_that_is_full_or_gone(capsys):
    assert ends(OSError(errno.ENOSPC, "No space left on device", "from/a.bin", None, "to/a.bin")) == 74
    assert ends(OSError(errno.ENOENT, "No such file or directory", "from/a.bin", None, "to/a.bin")) == 74
    assert capsys.readouterr().err == (
        "error: to/a.bin: No space left on device. Free space there, then run again.\n"
        "error: from/a.bin: No such file or directory.\n"
    )


def test_nothing_in_a_message_steers_the_terminal(capsys):
    assert ends(PipelineError("\x1b]0;x\x07\r\x9b2J \u202e \udcff is bad\nso \u00e9 \u200d it is")) == 78
    assert capsys.readouterr().err == (
        "error: \\x1b]0;x\\x07\\r\\x9b2J \\u202e \\udcff is bad\n       so \u00e9 \u200d it is.\n"
    )


def test_an_interrupt_is_no_failure_of_ours(capsys):
    assert ends(KeyboardInterrupt()) == 85
    assert capsys.readouterr().err == ""


def test_a_bug_shows_where_it_is_and_says_that_it_is_one(capsys):
    assert ends(ZeroDivisionError("half")) == 70
    told = capsys.readouterr().err
    assert "ZeroDivisionError: half" in told
    assert told.endswith("error: This is a bug of omnitune. Please report it with the lines above.\n")
