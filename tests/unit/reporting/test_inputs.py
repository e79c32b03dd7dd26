"""Reading what a report is made of: tolerant of what is absent, strict with what is broken."""

import json

import pytest

from omnitune.errors import ExitCode, PipelineError
from omnitune.reporting.inputs import Metrics, Training, read, read_curve, read_metrics


def write(path, value):
    path.write_text(json.dumps(value))
    return path


def log(path, *lines):
    path.write_text("".join(line + "\n" for line in lines))
    return path


def test_a_step_logged_twice_counts_once_with_its_last_loss(tmp_path):
    curve = read_curve(
        log(
            tmp_path / "l",
            '{"loss": 3, "global_step/max_steps": "1/4"}',
            '{"loss": 9, "global_step/max_steps": "2/4"}',
            '{"loss": 2, "global_step/max_steps": "2/4"}',
            '{"eval_loss": 1.5, "global_step/max_steps": "2/4"}',
            '{"train_loss": 2.5}',
            '{"model_parameter_info": "x", "global_step": 4, "log_history": []}',
        )
    )
    assert (curve.train, curve.evaluation, curve.not_finite) == ([(1, 3.0), (2, 2.0)], [(2, 1.5)], 0)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('{"loss": 1', "not a JSON line"),
        ('{"loss": "low", "global_step/max_steps": "2/4"}', "the step or the value is not a number"),
        ('{"loss": 1.0, "global_step/max_steps": "two"}', "the step or the value is not a number"),
        ('{"loss": null, "global_step/max_steps": "2/4"}', "the step or the value is not a number"),
    ],
)
def test_a_broken_log_is_named_by_its_line(tmp_path, line, what):
    path = log(tmp_path / "l", '{"loss": 3, "global_step/max_steps": "1/4"}', line)
    with pytest.raises(PipelineError) as caught:
        read_curve(path)
    assert str(caught.value) == f"{path}:2: {what}. Make it again."


@pytest.mark.parametrize(
    ("content", "ending"),
    [
        ("{", "Make it again."),
        ("[]", "Make it again."),
        ('{"stages": []}', "Run score again."),
        ('{"stages": {"base": {"digits": {"exact_match": "high", "n": 3}}}}', "Run score again."),
        ('{"stages": {"base": {"digits": {"exact_match": 0.5}}}}', "Run score again."),
        ('{"stages": {}, "comparisons": {"merge": {"t": {"wer": {"n": "x"}}}}}', "Run score again."),
    ],
)
def test_broken_metrics_are_a_sentence(tmp_path, content, ending):
    path = tmp_path / "metrics.json"
    path.write_text(content)
    with pytest.raises(PipelineError) as caught:
        read_metrics(path)
    assert caught.value.code == ExitCode.DATA
    assert str(caught.value).startswith(f"{path}: not ")
    assert str(caught.value).endswith(f". {ending}")


def test_absent_inputs_are_a_sentence(tmp_path):
    with pytest.raises(PipelineError) as caught:
        read(tmp_path / "manifest.json", Training)
    assert (
        str(caught.value) == f"{tmp_path}/manifest.json: there is no such file. Run the stage that makes it first."
    )


def test_metrics_without_their_optional_parts(tmp_path):
    path = write(tmp_path / "metrics.json", {"stages": {"base": {"digits": {"exact_match": 0.5, "n": 3}}}})
    assert isinstance(read_metrics(path), Metrics)
