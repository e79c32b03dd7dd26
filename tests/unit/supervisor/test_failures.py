"""What ms-swift and its libraries say when they fail -> code and remedy."""

import signal
from pathlib import Path

import pytest

from omnitune.supervisor.failures import explain, kernel_kills

LOG = Path("train.swift.log")
AGAIN = "The same command goes on from the last checkpoint."

# The line as it stands in a log, the code, words of the remedy.
KNOWN = [
    ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB.", 76, "Lower sft.micro_batch"),
    ("[rank1]: torch.OutOfMemoryError: CUDA out of memory. Tried 2 GiB.", 76, "sft.gradient_checkpointing"),
    ("RuntimeError: CUDA error: out of memory", 76, "Lower sft.micro_batch"),
    ("RuntimeError: DataLoader worker (pid 71) is killed by signal: Bus error. It is possible that dataloader's "
     "workers are out of shared memory.", 74, "--shm-size"),
    ("RuntimeError: DataLoader worker (pid 71) is killed by signal: Killed.", 137, "sft.dataloader_workers"),
    ("RuntimeError: DataLoader worker (pid(s) 7, 8) exited unexpectedly", 137, "resources.train_mem_gib"),
    ("RuntimeError: [enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory",
     137, "mem_gib"),
    ("omnitune.trainer.finite.NotFiniteError: the loss at step 5 is nan", 77, "sft.learning_rate"),
    ("RuntimeError: probability tensor contains either `inf`, `nan` or element < 0", 77, "grpo.learning_rate"),
    ("omnitune.trainer.contract.TrainableError: 3 of 9 modules of vision train", 78, "sft.freeze_"),
    ("omnitune.rewards.call.RewardError: reward r returned 1 values for 2 completions.", 78, "Mend the function"),
    ("omnitune.trainer.rollout_check.RolloutError: rollout and trainer differ: X is 1 in the rollout.", 78,
     "Do not go on from its checkpoints"),
    ("ValueError: reward_function acuracy is not implemented in swift.rewards", 78, "grpo.rewards"),
    ("OSError: [Errno 28] No space left on device", 74, "Free space"),
    ("OSError: [Errno 122] Disk quota exceeded", 74, "quota"),
    ("OSError: [Errno 30] Read-only file system: 'results/x'", 74, "Mount it for writing"),
    ("OSError: [Errno 5] Input/output error", 74, "file system"),
    ("OSError: [Errno 116] Stale file handle", 74, "file system"),
    ("RuntimeError: [enforce fail at inline_container.cc:672] . PytorchStreamWriter failed writing file",
     74, AGAIN),
    ("ValueError: remaining_argv: ['--foo']", 78, "Remove the flag"),
    ("ValueError: Your setup doesn't support bf16/gpu.", 78, "Set device: cpu"),
    ("RuntimeError: No CUDA GPUs are available", 78, "make doctor"),
    ("RuntimeError: The NVIDIA driver on your system is too old (found version 11040).", 78, "update the driver"),
    ("RuntimeError: CUDA error: no kernel image is available for execution on the device", 78, "driver"),
    ("ModuleNotFoundError: No module named 'qwen_omni_utils'", 78, "make setup"),
    ("ImportError: /x/flash_attn_2_cuda.so: undefined symbol: _ZN3c105Error", 78,
     "envs.swift"),
    ("OSError: Can't load tokenizer for '/models/x'. If you were trying to load it from ...",
     78, "fetch them again"),
    ("ValueError: Tokenizer class Qwen9Tokenizer does not exist or is not currently imported.", 78, "model.path"),
    ("jinja2.exceptions.TemplateSyntaxError: unexpected '}'", 78, "chat template"),
    ("ValueError: Cannot use chat template functions because tokenizer.chat_template is not set",
     78, "model.path"),
    ("ValueError: Can't find a valid checkpoint at results/x/checkpoint-9", 80, "one before it is resumed"),
    ("safetensors_rust.SafetensorError: Error while deserializing header: HeaderTooLarge", 80, "cannot be loaded"),
    ("RuntimeError: Error(s) in loading state_dict for Qwen3OmniMoe:", 80, "cannot be loaded"),
    ("RuntimeError: PytorchStreamReader failed reading zip archive: failed finding central directory", 80, "load"),
    ("swift.template.base.MaxLengthError: Current length of row(9000) is larger than the max_length(4096).", 65,
     "sft.max_length"),
    ("PIL.UnidentifiedImageError: cannot identify image file '/data/a.png'", 65, "validate.media: decode"),
    ("soundfile.LibsndfileError: Error opening '/data/a.wav': Format not recognised.", 65, "Remove the row"),
    ("av.error.InvalidDataError: [Errno 1094995529] Invalid data found when processing input: '/a.mp4'",
     65, "row"),
    ("FileNotFoundError: [Errno 2] No such file or directory: '/data/clips/17.webm'", 74, "look after that file"),
    ("av.error.FileNotFoundError: [Errno 2] No such file or directory: '/data/17.mp4'", 74, "file system"),
    ("soundfile.LibsndfileError: Error opening '/data/a.wav': System error.", 74, "rights of that file"),
    ("PermissionError: [Errno 13] Permission denied: '/data/a.png'", 74, "It was there at the start"),
    ("torch.distributed.DistNetworkError: The server socket has failed to listen on any local network address. "
     "port: 29500, error: EADDRINUSE, address already in use", 75, "another port"),
    ("RuntimeError: Watchdog caught collective operation timeout: WorkNCCL(SeqNum=9)", 79, "stopped answering"),
    ("torch.distributed.DistBackendError: wait timeout after 1800000ms, keys: /default_pg/0//1", 79, AGAIN),
    ("RuntimeError: [../third_party/gloo/gloo/transport/tcp/unbound_buffer.cc:81] Timed out waiting 1800000ms", 79,
     AGAIN),
    ("torch.distributed.DistBackendError: NCCL error in: NCCLUtils.cpp:77, unhandled system error",
     80, "NCCL_DEBUG"),
    ("RuntimeError: ncclInternalError: Internal check failed.", 80, "NCCL_DEBUG"),
    ("omnitune.rewards.judge_service.JudgeError: reward llm_judge: http://judge.local/v1 has not replied for 9 s "
     "(URLError: <urlopen error [Errno 111] Connection refused>)", 80, "Look after the judge"),
    ("RuntimeError: [/gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:31",
     80, "SOCKET_IFNAME"),
    ("torch.AcceleratorError: CUDA error: an illegal memory access was encountered", 80, "nvidia-smi"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "code", "remedy"), KNOWN, ids=[line[:40] for line, _, _ in KNOWN])
def test_a_known_failure_has_its_code_its_line_and_its_remedy(line: str, code: int, remedy: str):
    error = explain(1, f"Traceback (most recent call last):\n  File x\n{line}\nafter it\n", LOG, stage="sft")
    assert (error.what, error.where, error.code) == (line[:300], str(LOG), code)
    assert remedy in error.fix
    assert error.hopeless is (code in (65, 76, 77, 78))


@pytest.mark.parametrize(("line", "remedy"), [(line, remedy) for line, _, remedy in KNOWN if "sft." in remedy])
def test_a_remedy_names_the_keys_of_the_stage_that_failed(line: str, remedy: str):
    of_grpo, of_answers = (explain(1, line, LOG, stage=stage).fix for stage in ("grpo", ""))
    assert remedy.replace("sft.", "grpo.") in of_grpo
    assert "sft." not in of_grpo
    assert "{" not in of_answers
    assert "micro_batch" not in of_answers


TRACEBACK = "Traceback (most recent call last):\n  File x, line 1\n"
OPTIONAL = f"[WARNING:swift] {TRACEBACK}ModuleNotFoundError: No module named 'deepspeed'\n"
OF_GPU = "torch.AcceleratorError: CUDA error: an illegal memory access was encountered"
OF_MEMORY = "torch.OutOfMemoryError: CUDA out of memory."
LAUNCHER = f"{TRACEBACK}torch.distributed.elastic.multiprocessing.errors.ChildFailedError: \n"
ENGINE = "(EngineCore pid=7) ERROR 11-29 10:00:00 [core.py:936] "
BY_RANKS = f"[rank0]: {TRACEBACK}[rank0]: {OF_MEMORY}\n[rank1]: {TRACEBACK}[rank1]: DistBackendError: NCCL error\n"


@pytest.mark.parametrize(
    ("tail", "code"),
    [
        (f"{OPTIONAL}step 1\n{TRACEBACK}{OF_GPU}\n", 80),
        ("ImportError: no flash_attn, going on without\n" + TRACEBACK + OF_GPU, 80),
        (f"{OPTIONAL}[rank0]: {TRACEBACK}[rank0]: {OF_GPU}\n{LAUNCHER}", 80),
        (OPTIONAL, 78),
        (f"{OPTIONAL}{LAUNCHER}", 78),
        (
            f"{TRACEBACK}{OF_MEMORY}\n\nDuring handling of the above exception, ...\n\n{TRACEBACK}KeyError",
            76,
        ),
        (f"{TRACEBACK}{OF_MEMORY}\n\nIn the meantime\n\n{TRACEBACK}KeyError\n{TRACEBACK}{OF_GPU}", 80),
        (f"{OPTIONAL}{BY_RANKS}{LAUNCHER}", 76),
        (f"{ENGINE}{TRACEBACK}{ENGINE}{OF_MEMORY}\n{TRACEBACK}RuntimeError: Engine core failed. See above.\n", 76),
        (f"{TRACEBACK}RuntimeError: Caught in DataLoader worker 0.\nOriginal {TRACEBACK}MaxLengthError: 9\n", 65),
    ],
)
def test_what_it_survived_is_not_why_it_ended_for_good(tail: str, code: int):
    assert explain(1, tail, LOG).code == code


@pytest.mark.parametrize(
    ("follows", "cause", "code"),
    [
        (
            "torch.distributed.DistBackendError: NCCL error in: x",
            "torch.OutOfMemoryError: CUDA out of memory.",
            76,
        ),
        # A rank that cannot listen tells no other where it is.
        (
            "torch.distributed.DistStoreError: Timed out waiting for clients",
            "errno: 98 - Address already in use",
            75,
        ),
        ("RuntimeError: Gloo connectFullMesh failed with x", "The server socket has failed: EADDRINUSE", 75),
    ],
)
def test_a_cause_is_told_before_what_follows_from_it(follows: str, cause: str, code: int):
    launcher = "torch.distributed.elastic.multiprocessing.errors.ChildFailedError:"
    assert explain(1, f"[rank1]: {follows}\n[rank0]: {cause}\n{launcher}\n", LOG).code == code


# What is said on the way to an ordinary end is no reason.
CHATTER = """
[INFO:swift] args: SftArguments(ddp_backend=None, ddp_timeout=1800, hub_token=None, use_chat_template=True)
[INFO:swift] NCCL_DEBUG: None; gloo is used; chat template: default; tokenizer: Qwen2TokenizerFast
[INFO:swift] Setting template_type: qwen3_omni; CUDA memory allocated: 3 GiB; 0 errors
FutureWarning: the images are truncated to max_pixels
"""


def test_ordinary_words_are_no_known_failure():
    error = explain(3, f"{CHATTER}KeyError: 'x'\n", LOG)
    assert (error.what, error.code) == ("ms-swift ended with 3: KeyError: 'x'", 80)


def test_an_end_by_a_signal_is_told_by_its_name():
    assert explain(-signal.SIGSEGV, "", LOG).what == "ms-swift ended by SIGSEGV: no output"


TABLE = """
swift.cli.sft FAILED
Failures:
  <NO_OTHER_FAILURES>
Root Cause (first observed failure):
[0]:
  time      : 2026-11-24_08:00:00
  rank      : 1 (local_rank: 1)
  exitcode  : {code} (pid: 5435)
  error_file: <N/A>
"""


@pytest.mark.parametrize(("line", "code", "told"), [("", -9, 137), ("", -6, 80), ("CUDA out of memory", 1, 76)])
def test_the_first_rank_that_failed_decides(line: str, code: int, told: int):
    """torch's launcher itself ends with 1, whatever became of its ranks."""
    assert explain(1, line + TABLE.format(code=code), LOG).code == told


def test_a_kill_for_want_of_memory_is_told_as_that():
    by_kernel, by_anyone = (explain(-9, "", LOG, stage="sft", memory_was_full=full) for full in (True, False))
    assert by_kernel.what == "ms-swift was killed by the kernel: the machine's memory was used up"
    assert "sft.dataloader_workers or raise resources.train_mem_gib" in by_kernel.fix
    assert "Raise resources.infer_mem_gib" in explain(-9, "", LOG, memory_was_full=True).fix
    assert by_anyone.what == "ms-swift was killed, by hand or because the machine's memory was used up"
    assert by_kernel.code == by_anyone.code == 137


@pytest.mark.parametrize(("text", "kills"), [("nr_free_pages 9\noom_kill 3\noom_kill_x 7\n", 3), ("x 1\n", 0)])
def test_the_kernel_says_how_often_it_killed(text: str, kills: int, tmp_path: Path):
    assert kernel_kills(tmp_path / "not there") == 0
    (tmp_path / "vmstat").write_text(text)
    assert kernel_kills(tmp_path / "vmstat") == kills
