"""ms-swift's own log, also after a resume and a torn end."""

from pathlib import Path

from omnitune import training_log


def test_the_log_has_each_step_once_with_its_last_record(tmp_path: Path):
    lines = [
        b'{"loss": 3, "global_step/max_steps": "1/9"}',
        b'{"loss": 2, "global_step/max_steps": "2/9"}',
        b'{"eval_loss": 5, "global_step/max_steps": "2/9"}',
        b'{"loss": 1, "global_step/max_steps": "2/9", "again": 1}',
        b'{"train_runtime": 3}',
        b"[1]",
        b'{"loss": 0.5, "global_step/max_steps": "10/9"}',
        b'{"loss": 0.1, "global_st',
    ]
    (tmp_path / "log").write_bytes(b"\n".join(lines))
    found = [record.get("loss", record.get("eval_loss")) for record in training_log.read(tmp_path / "log")]
    assert found == [3, 1, 5, 0.5]
