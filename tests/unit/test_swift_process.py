"""The command, its environment, its versions and its GPUs."""

import sys
from pathlib import Path

import pytest

from omnitune import swift_process
from omnitune.errors import PipelineError

ARGUMENTS = {"model": "m", "dataset": ["a", "b"], "ENV": {"FPS_MAX_FRAMES": "12"}}
ARGV = ["--model", "m", "--dataset", "a", "b"]


def test_one_process_runs_the_module_itself():
    command = swift_process.command("/p", "infer", ARGUMENTS, processes=1)
    assert command == ["/p", "-m", "swift.cli.infer", *ARGV]


def test_several_are_started_by_torchs_launcher_on_a_free_port():
    extra = ["--resume_from_checkpoint", "c"]
    command = swift_process.command("/p", "sft", ARGUMENTS, processes=4, extra=extra)
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "4"]
    assert command == ["/p", *launcher, "-m", "swift.cli.sft", *ARGV, *extra]


@pytest.mark.parametrize("needs", [{"deepspeed": "zero2"}, {"use_vllm": "true"}])
def test_some_are_started_by_the_launcher_even_alone(needs: dict[str, str]):
    command = swift_process.command("/p", "rlhf", ARGUMENTS | needs, processes=1)
    assert command[1:6] == ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "1"]


def test_the_media_contract_and_caches_of_its_own_reach_the_child(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.delenv("TORCH_EXTENSIONS_DIR", raising=False)
    assert swift_process.environment("/env/bin/python", ARGUMENTS, Path("work/cache"), "0,3") == {
        "FPS_MAX_FRAMES": "12",
        "MODELSCOPE_CACHE": f"{tmp_path}/work/cache/ms",
        "HF_HOME": f"{tmp_path}/work/cache/hf",
        "TORCH_EXTENSIONS_DIR": "/env/torch_extensions",
        "PATH": "/env/bin:/usr/bin",
        "CUDA_VISIBLE_DEVICES": "0,3",
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
    }
    monkeypatch.setenv("TORCH_EXTENSIONS_DIR", "/elsewhere")
    found = swift_process.environment("/env/bin/python", ARGUMENTS, Path("work/cache"), "")
    assert found["TORCH_EXTENSIONS_DIR"] == "/elsewhere"


def test_versions_are_read_from_the_metadata(tmp_path: Path):
    packages = tmp_path / "lib/python3.11/site-packages"
    for folder, text in (
        ("torch-2.11.0", "Name: torch\nVersion: 2.11.0\n"),
        ("ms_swift-4.6.0", "Name: MS-Swift\nVersion: 4.6.0\n"),
        ("other-1", "Name: other\nVersion: 1\n"),
        ("broken-1", ""),
    ):
        (packages / f"{folder}.dist-info").mkdir(parents=True)
        (packages / f"{folder}.dist-info/METADATA").write_text(text)
    found = swift_process.package_versions(str(tmp_path / "bin" / "python"))
    assert found == {"ms-swift": "4.6.0", "torch": "2.11.0"}


def test_versions_of_a_running_environment_are_found():
    assert swift_process.package_versions(sys.executable) == {}, ".venv holds none of these"


def test_a_package_is_seen_without_starting_the_interpreter(tmp_path: Path):
    python = str(tmp_path / "bin" / "python")
    assert not swift_process.has_package(python, "vllm")
    package = tmp_path / "lib/python3.11/site-packages/vllm"
    package.mkdir(parents=True)
    assert not swift_process.has_package(python, "vllm"), "what an uninstall left behind"
    (package / "__init__.py").touch()
    assert swift_process.has_package(python, "vllm")


def test_fewer_gpus_than_wanted_are_refused_and_as_many_are_taken():
    swift_process.check_grant(4, 4)
    swift_process.check_grant(0, 0)
    with pytest.raises(PipelineError) as refused:
        swift_process.check_grant(2, 4)
    assert str(refused.value) == (
        "The job wants 4 GPUs and was granted 2. "
        "Start snakemake with --resources gpu=4 or more, or lower the stage's gpus."
    )
    assert refused.value.code == 78
