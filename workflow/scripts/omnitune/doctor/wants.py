"""What a run asks of the machine: by its config, or the 30B's LoRA training when there is none."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from omnitune import config_files
from omnitune.doctor.check import State

if TYPE_CHECKING:  # pydantic costs a third of a second, which a look without config need not pay
    from omnitune.config.experiments import Experiment
    from omnitune.config.run import Config

# Qwen3-Omni-30B-A3B in bfloat16, talker included.
BASE_GB = 66.0
_ADAPTER_CHECKPOINTS_GB = 2.0
# Of the weights' size: fp32 master weights and two moments beside the bf16 weights.
_FULL_CHECKPOINT = 7


@dataclass(frozen=True)
class Wants:
    """What a run asks for.

    Attributes:
        run, device: as in the config; the device is None when there is no config.
        model, hub: the base checkpoint; the model is None when there is no config.
        base_gb: its size on disk.
        results_gb: what the merged models and the checkpoints take.
        memory_gib: host memory of the largest job.
        gpus: GPUs of the largest job.
        gpu_memory_gib: memory of one GPU that the recipe is sized for.
        swift_env: the site's own environment.
    """

    run: str = ""
    device: Literal["cuda", "cpu"] | None = None
    model: str | None = None
    hub: str = "huggingface"
    base_gb: float = BASE_GB
    results_gb: float = BASE_GB + _ADAPTER_CHECKPOINTS_GB
    memory_gib: int = 128
    gpus: int = 4
    gpu_memory_gib: int = 80
    swift_env: str | None = None

    @property
    def short(self) -> State:
        """How bad it is when the machine is too small: the demo and `device: cpu` get along with less."""
        return "lacking" if self.device == "cuda" else "warning"


def from_files(configs: Sequence[Path]) -> Wants:
    """What the run of these config files asks for."""
    from omnitune.config.load import load

    files = [_named(path) for path in configs]
    values: dict[str, Any] = {}
    for path in files:
        values = config_files.merge(values, config_files.read(path))
    return from_config(*load(values, files))


def _named(path: Path) -> Path:
    """The file as a person in the checkout would name it."""
    path = path.absolute()
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def from_config(config: "Config", experiments: Sequence["Experiment"]) -> Wants:
    """What a checked config asks for."""
    path = config.model.path
    base = _base_gb(path)
    results = 0.0
    for experiment in experiments:
        for training in experiment.trainings:
            if training.tuner == "full":
                results += base * (1 + _FULL_CHECKPOINT * (training.save_total_limit or 2))
            else:
                results += min(_ADAPTER_CHECKPOINTS_GB, base)
        if experiment.grpo.enabled and experiment.policy == "merged":
            results += base
        if experiment.merge.enabled:
            results += base
    return Wants(
        run=config.run,
        device=config.device,
        model=path,
        hub=config.model.hub,
        base_gb=base,
        results_gb=results,
        memory_gib=config.resources.train_mem_gib if config.device == "cuda" else 6,
        gpus=max([config.infer.gpus, *(count for experiment in experiments for count in _gpus(experiment))]),
        gpu_memory_gib=config.resources.gpu_memory_gib,
        swift_env=config.envs.swift,
    )


def _gpus(experiment: "Experiment") -> Iterator[int]:
    """GPUs of each training of an experiment, with those of a server that samples for it."""
    for training in experiment.trainings:
        samples = training is experiment.grpo and experiment.grpo.rollout == "server"
        yield (training.gpus or 1) + (experiment.grpo.server.gpus if samples else 0)


def _base_gb(path: str) -> float:
    if path.startswith("results/"):
        return 0.1  # the demo's model
    folder = Path(path).expanduser()
    if folder.is_dir() and (found := sum(file.stat().st_size for file in folder.glob("*.safetensors"))):
        return found / 1e9
    return BASE_GB
