"""Three trainings of two GPUs each on a machine with four, through real snakemake with the fake trainer."""

import itertools
import json
import time
from pathlib import Path
from typing import Any

import pytest
from project import Project

Values = dict[str, Any]
NAMES = ("a", "b", "c")


@pytest.mark.parametrize("limit", [["--resources", "gpu=4"], []], ids=["limited by snakemake", "by leases alone"])
def test_two_jobs_share_no_device_and_a_third_waits(
    empty: Project, values: Values, tmp_path: Path, limit: list[str]
) -> None:
    empty.write_config(
        {**values, "device": "cuda", "sft": {**values["sft"], "gpus": 2}}
        | {"experiments": {name: {"sft": {"seed": number}} for number, name in enumerate(NAMES)}}
    )
    begun = time.time()
    done = empty.snakemake(
        *("sft", "--cores", "64", *limit),  # cores for all three at once
        OMNITUNE_FAKE="pair,slow@0.3",  # the first two meet, however far apart they come
        CUDA_VISIBLE_DEVICES="0,1,2,3",
        OMNITUNE_GPU_LOCKS=str(tmp_path),
    )
    assert done.returncode == 0, done.stdout
    work = {name: empty.path(f"results/small/{name}/sft/checkpoints") for name in NAMES}
    spans = {
        name: (
            (folder / "environment.json").stat().st_mtime,  # written when the trainer begins
            (folder / "logging.jsonl").stat().st_mtime,  # and when it ends
        )
        for name, folder in work.items()
    }
    assert all(begun < start < end for start, end in spans.values())
    devices = {
        name: set(json.loads((folder / "environment.json").read_bytes())["CUDA_VISIBLE_DEVICES"].split(","))
        for name, folder in work.items()
    }
    assert all(len(held) == 2 and held <= {"0", "1", "2", "3"} for held in devices.values())
    at_once = [
        (one, other)
        for one, other in itertools.combinations(NAMES, 2)
        if spans[one][0] < spans[other][1] and spans[other][0] < spans[one][1]
    ]
    assert at_once, "no two ran at the same time: nothing was shown"
    assert all(devices[one].isdisjoint(devices[other]) for one, other in at_once)
    assert len(at_once) < 3, "the third did not wait"
