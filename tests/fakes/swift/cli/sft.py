"""`swift sft` and `swift rlhf` as the pipeline sees them: the files that their arguments promise.

OMNITUNE_FAKE asks for a fault: `fail`, `oom`, `nan`, `early` (ends with 0 before the last step), `stall` (`worker`
too: what samples for it is gone), `slow@SECONDS` (between steps), `die@STEP` (SIGKILL to itself after that step),
`torn@STEP` (dies with that step's checkpoint half written).
"""

import argparse
import json
import os
import signal
import struct
import sys
import time
import zipfile
from pathlib import Path

import numpy as np


def main() -> None:
    """Write checkpoints and logs up to the last step; of several processes the first does it."""
    if os.environ.get("RANK", "0") != "0":
        return
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in ("model", "output_dir", "tuner_type", "resume_from_checkpoint"):
        parser.add_argument(f"--{name}")
    for name in ("dataset", "target_modules", "reward_funcs", "adapters"):
        parser.add_argument(f"--{name}", nargs="+", default=[])
    for name in ("learning_rate", "num_train_epochs"):
        parser.add_argument(f"--{name}", type=float)
    for name in ("save_steps", "save_total_limit", "seed", "lora_rank", "lora_alpha", "logging_steps"):
        parser.add_argument(f"--{name}", type=int)
    for name in ("per_device_train_batch_size", "gradient_accumulation_steps"):
        parser.add_argument(f"--{name}", type=int)
    options, _ = parser.parse_known_args()
    output = Path(options.output_dir)
    output.mkdir(parents=True, exist_ok=True)
    (output / "argv.json").write_text(json.dumps(sys.argv[1:]))
    (output / "environment.json").write_text(json.dumps(dict(os.environ), sort_keys=True))
    fault, _, at = os.environ.get("OMNITUNE_FAKE", "").partition("@")
    rows = sum(Path(path).read_bytes().count(b"\n") for path in options.dataset)
    batch = options.per_device_train_batch_size * options.gradient_accumulation_steps
    last = max(1, int(-(-rows // batch) * options.num_train_epochs))
    first = int(options.resume_from_checkpoint.rpartition("-")[2]) if options.resume_from_checkpoint else 0
    if fault == "fail":
        sys.exit("Traceback (most recent call last):\nRuntimeError: asked to fail")
    if fault == "oom":
        sys.exit("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.")
    with (output / "logging.jsonl").open("a") as log:
        for step in range(first + 1, last + 1):
            if fault in ("stall", "worker"):
                time.sleep(600)
            if fault == "slow":
                time.sleep(float(at))
            loss = float("nan") if fault == "nan" else round(2.0 / step, 6)
            line = {
                "loss": loss,
                "learning_rate": options.learning_rate,
                "global_step/max_steps": f"{step}/{last}",
            }
            if options.reward_funcs:
                line["reward"] = round(1 - 1 / step, 6)
            log.write(json.dumps(line) + "\n")
            log.flush()
            if step % options.save_steps == 0 or step == last:
                if fault == "early" and step == last:
                    return
                torn = fault == "torn" and int(at) == step
                save(output / f"checkpoint-{step}", options, step, last, torn=torn)
                if torn:
                    os.kill(os.getpid(), signal.SIGKILL)
            if fault == "die" and int(at) == step:
                os.kill(os.getpid(), signal.SIGKILL)
        log.write(
            json.dumps({"model_parameter_info": "PeftModel: 1.0100M Params (0.0100M Trainable [1.0000%])"}) + "\n"
        )


def save(folder: Path, options: argparse.Namespace, step: int, last: int, *, torn: bool) -> None:
    """One checkpoint whose weights depend on what training would depend on."""
    folder.mkdir(exist_ok=True)
    numbers = np.random.default_rng([options.seed, step, int(options.learning_rate * 1e9)])
    shapes = base_shapes(Path(options.model))
    tensors = {}
    if options.tuner_type == "lora":
        for module in options.target_modules:
            out, into = shapes[f"{module}.weight"]
            for side, shape in (("A", (options.lora_rank, into)), ("B", (out, options.lora_rank))):
                name = f"base_model.model.{module}.lora_{side}.weight"
                tensors[name] = numbers.normal(0, 0.01, shape).astype(np.float32)
        config = {"peft_type": "LORA", "r": options.lora_rank, "lora_alpha": options.lora_alpha}
        config["base_model_name_or_path"] = str(Path(options.model).absolute())
        (folder / "adapter_config.json").write_text(json.dumps(config))
        weights = folder / "adapter_model.safetensors"
    else:
        for name, shape in shapes.items():
            if name.startswith("thinker."):
                tensors[name] = numbers.normal(0, 0.01, shape).astype(np.float32)
        weights = folder / "model.safetensors"
    write_safetensors(weights, tensors)
    if torn:
        weights.write_bytes(weights.read_bytes()[:-10])
        return
    for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth"):
        with zipfile.ZipFile(folder / name, "w") as archive:
            archive.writestr("data.pkl", str(step))
    (folder / "training_args.bin").write_bytes(b"pickle")
    (folder / "trainer_state.json").write_text(json.dumps({"global_step": step, "max_steps": last}))


def base_shapes(folder: Path) -> dict[str, list[int]]:
    """Shape of every tensor of the base."""
    shapes = {}
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        shapes |= {name: entry["shape"] for name, entry in header.items() if name != "__metadata__"}
    return shapes


def write_safetensors(path: Path, tensors: dict[str, np.ndarray]) -> None:
    """The file format, so that the fake needs no library of the real thing."""
    header, offset = {}, 0
    for name, array in tensors.items():
        header[name] = {
            "dtype": "F32",
            "shape": list(array.shape),
            "data_offsets": [offset, offset + array.nbytes],
        }
        offset += array.nbytes
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(array.tobytes() for array in tensors.values()))


if __name__ == "__main__":
    main()
