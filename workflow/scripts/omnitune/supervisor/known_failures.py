"""How ms-swift and what it stands on say what went wrong, and what helps: a table, the more telling entries first.

When one rank fails, the others tell of a lost connection; so causes stand before what follows from them.
"""

import re
from typing import NamedTuple

from omnitune.errors import ExitCode


class Failure(NamedTuple):
    """Text of a log -> exit code and remedy. The line in which the text stands is told as what is wrong.

    `{stage}` is the section of what trains; `elsewhere` is the remedy of what does not, where it is another one.
    """

    pattern: str
    code: ExitCode
    fix: str
    elsewhere: str = ""

    def remedy(self, stage: str) -> str:
        """What helps a stage; empty is none that trains."""
        return (self.fix if stage else self.elsewhere or self.fix).format(stage=stage or "sft")


_AGAIN = "The same command goes on from the last checkpoint."
_MEDIA = r"png|jpe?g|webp|gif|bmp|tiff?|wav|mp3|flac|ogg|opus|m4a|aac|mp4|mkv|mov|avi|webm"

_TABLE = [
    # Memory.
    Failure(r"CUDA out of memory|OutOfMemoryError|CUDA error: out of memory|CUBLAS_STATUS_ALLOC_FAILED",
            ExitCode.GPU_MEMORY,
            "Lower {stage}.micro_batch, media.image_max_pixels or {stage}.max_length, or set "
            "{stage}.gradient_checkpointing: true.",
            "Lower infer.batch_size or media.image_max_pixels, or spread the model over more GPUs (infer.gpus, "
            "grpo.server.gpus)."),
    Failure(r"insufficient shared memory|out of shared memory|unable to (write to|mmap|open).*/torch_",
            ExitCode.DISK,
            "Enlarge /dev/shm (docker run --shm-size=16g), or lower {stage}.dataloader_workers.",
            "Enlarge /dev/shm (docker run --shm-size=16g)."),
    Failure(r"DataLoader worker .*(killed by signal: Killed|exited unexpectedly)|\bMemoryError\b|"
            r"can't allocate memory|Cannot allocate memory",
            ExitCode.KILLED,
            "Lower {stage}.dataloader_workers or raise resources.train_mem_gib. " + _AGAIN,
            "Raise resources.infer_mem_gib."),
    # Of our own trainer and rewards.
    Failure(r"\bNotFiniteError: ", ExitCode.NOT_FINITE,
            "Lower {stage}.learning_rate or look at the rows of that step; nothing was published."),
    Failure(r"probability tensor contains either `inf`, `nan`", ExitCode.NOT_FINITE,
            "What is sampled from is NaN or infinite: lower grpo.learning_rate; nothing was published.",
            "What is sampled from is NaN or infinite: look at the model that answers."),
    Failure(r"\bTrainableError: ", ExitCode.CONFIG,
            "Correct {stage}.tuner, {stage}.lora or the {stage}.freeze_ keys, so that what trains is what you "
            "mean."),
    Failure(r"\bRewardError: ", ExitCode.CONFIG, "Mend the function in grpo.reward_file."),
    Failure(r"\bJudgeError: ", ExitCode.TRAINER,
            f"Look after the judge at that address, and its key, then start again. {_AGAIN}"),
    Failure(r"reward_function \S+ is not implemented", ExitCode.CONFIG,
            "Correct the name in grpo.rewards, or define it in grpo.reward_file."),
    Failure(r"\bRolloutError: ", ExitCode.CONFIG,
            "Do not go on from its checkpoints. Remove what changes one side only (grpo.swift, "
            "grpo.server.swift), or set grpo.rollout: transformers."),
    # Disk.
    Failure(r"No space left on device", ExitCode.DISK, "Free space for the results folder."),
    Failure(r"Disk quota exceeded", ExitCode.DISK, "Free space in your quota, or ask for a larger one."),
    Failure(r"Read-only file system", ExitCode.DISK, "Mount it for writing, or run where you may write."),
    Failure(r"\[Errno 5\] |Stale file handle|PytorchStreamWriter failed", ExitCode.DISK,
            f"Look after that file system. {_AGAIN}"),
    # Ports: before what a rank that got none of them goes on to say.
    Failure(r"address already in use|EADDRINUSE", ExitCode.BUSY,
            "Choose another port, or end what listens there."),
    # Settings and versions.
    Failure(r"remaining_argv|unrecognized arguments|not used by the HfArgumentParser", ExitCode.CONFIG,
            "Remove the flag from {stage}.swift.", "Remove the flag from grpo.server.swift or deploy.swift."),
    Failure(r"Your setup doesn't support bf16/gpu", ExitCode.CONFIG,
            "Set device: cpu, or run where there is a GPU."),
    Failure(r"No CUDA GPUs are available|Found no NVIDIA driver|no CUDA-capable device", ExitCode.CONFIG,
            "Run where there is a GPU, or set device: cpu; make doctor looks at this machine."),
    Failure(r"driver on your system is too old|driver version is insufficient|no kernel image is available",
            ExitCode.CONFIG, "The driver and this torch do not fit: update the driver; make doctor looks at it."),
    Failure(r"\b(ModuleNotFoundError|ImportError|PackageNotFoundError|VersionConflict): |undefined symbol: ",
            ExitCode.CONFIG,
            "Run make setup, or mend the environment named in envs.swift: a package is missing or does not fit."),
    # The model's own files.
    Failure(r"Can't load tokenizer|Tokenizer class \S+ does not exist|Can't load the \w+ processor|"
            r"template_type: .* not in|use chat template functions|jinja2\.exceptions\.\w+",
            ExitCode.CONFIG,
            "The files of tokenizer, processor or chat template in model.path are not those of a Qwen3-Omni: "
            "fetch them again."),
    Failure(r"Can't find a valid checkpoint|Error\(s\) in loading state_dict|PytorchStreamReader failed|"
            r"UnpicklingError: |SafetensorError: |safetensors_rust\.\w+: ",
            ExitCode.TRAINER,
            "A file of weights or of a checkpoint cannot be loaded: move that checkpoint out of the folder, and "
            "the one before it is resumed; a base is fetched again."),
    # Rows.
    Failure(r"\bMaxLengthError: ", ExitCode.DATA,
            "Raise {stage}.max_length, or let the gate refuse such rows (validate.lengths: true).",
            "Let the gate refuse such rows (validate.lengths: true)."),
    # Every start looks first whether the rows' files are there: what is gone later is a file server's word.
    Failure(rf"(FileNotFoundError|PermissionError|IsADirectoryError): .*\.({_MEDIA})\b|"
            r"LibsndfileError: .*System error",
            ExitCode.DISK,
            f"It was there at the start: look after that file system, and the rights of that file. {_AGAIN}"),
    Failure(r"UnidentifiedImageError: |DecompressionBombError: |LibsndfileError: |\bav\.[\w.]*Error: |"
            r"NoBackendError|image file is truncated|moov atom not found|Invalid data found when processing",
            ExitCode.DATA,
            "Remove the row that names this file, or have all files decoded before the training "
            "(validate.media: decode)."),
    # Between processes.
    Failure(r"Watchdog caught collective operation timeout|Socket Timeout|Timed out waiting|Wait timeout|"
            r"timed out after \d+ms|Timeout waiting for key",
            ExitCode.HANG, f"A rank stopped answering the others. {_AGAIN}"),
    Failure(r"illegal memory access|ECC error|device-side assert|unspecified launch failure|fallen off the bus",
            ExitCode.TRAINER, f"Look at the GPU (nvidia-smi -q, dmesg). {_AGAIN}"),
    Failure(r"\bnccl\w*Error\b|NCCL error|DistBackendError", ExitCode.TRAINER,
            f"The ranks could not talk by NCCL; with NCCL_DEBUG=INFO set it says why. {_AGAIN}"),
    Failure(r"gloo/transport|\[gloo\]|Gloo connect\w* ", ExitCode.TRAINER,
            f"The ranks could not talk by gloo; GLOO_SOCKET_IFNAME=lo keeps them on this machine. {_AGAIN}"),
]  # fmt: skip
KNOWN = [(re.compile(failure.pattern, re.I), failure) for failure in _TABLE]
