"""`swift sft` and `swift rlhf` as the pipeline sees them: the files that their arguments promise.

Seals, beats, stops and rotates by the library that the real trainer does it with. OMNITUNE_FAKE asks for faults,
joined by commas:

    fail, early         ends with an error; ends with 0 before the last step
    slow@SECONDS        between steps
    held@STEP           in that step until the file `go` is in its folder
    stall, stall@STEP   hangs in the first or that step, silent; SIGTERM ends it
    deaf, deaf@STEP     as stall, but only SIGKILL ends it
    pair                waits in its first step until another experiment's training has begun
    worker@FILE         waits for ever, for a server that has lost its worker (`swift rollout`); engine@ likewise
    nan, nan@STEP       logs losses that are NaN; refuses a loss at that step
    glitch@STEP         as nan@STEP, but not in a run that was resumed
    oom, oom@ROWS       out of memory; with more rows a pass than these, with 0 unless activations are recomputed
    die@STEP            kills itself after that step
    die@POINT[@STEP]    kills itself in that step's checkpoint, else the first one: half-way through the file of
                        that name, or at one of POINTS
"""

import argparse
import faulthandler
import json
import os
import signal
import struct
import sys
import time
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[4] / "workflow/scripts"))

from omnitune import runkey, seals
from omnitune.trainer import finite, rotation
from omnitune.trainer.heartbeat import Heartbeat
from omnitune.trainer.stop import StopRequest

FAULTS = dict(fault.partition("@")[::2] for fault in os.environ.get("OMNITUNE_FAKE", "").split(",") if fault)
# Before the first file; between the last one and the seal; the seal written, not yet in its place; an old
# checkpoint that is to go, not yet renamed; renamed, not yet removed.
POINTS = ("save", "seal", "rename", "rotate", "trash")


def die_at(point: str, step: int | None = None) -> None:
    """Kill this process if it was asked to end here."""
    wanted, _, at = FAULTS.get("die", "").partition("@")
    if wanted == point and at in ("", str(step)):
        os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Write checkpoints and logs up to the last step; of several processes the first does it."""
    if os.environ.get("RANK", "0") != "0":
        return
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    options = arguments()
    work = Path(options.output_dir)
    work.mkdir(parents=True, exist_ok=True)
    (work / "argv.json").write_text(json.dumps(sys.argv[1:]))
    (work / "environment.json").write_text(json.dumps(dict(os.environ), sort_keys=True))
    rows = sum(Path(path).read_bytes().count(b"\n") for path in options.dataset)
    batch = options.per_device_train_batch_size * options.gradient_accumulation_steps
    last = max(1, int(-(-rows // batch) * options.num_train_epochs))
    first, history = 0, []
    if resumed := options.resume_from_checkpoint:
        state = json.loads((Path(resumed) / "trainer_state.json").read_bytes())
        first, history = state["global_step"], state["log_history"]
    if "fail" in FAULTS:
        sys.exit("Traceback (most recent call last):\nRuntimeError: asked to fail")
    if "oom" in FAULTS and does_not_fit(options, int(FAULTS["oom"] or -1)):
        sys.exit("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.")
    heartbeat, stop = Heartbeat(work, 0), StopRequest(work, looks=True)
    heartbeat.beat("begin", first, last)
    if FAULTS.get("stall") != "":  # SIGTERM ends that one whenever it comes
        stop.listen()
    with (work / "logging.jsonl").open("a") as log:

        def note(step: int, **values: Any) -> None:
            history.append({**values, "step": step})
            log.write(json.dumps({**values, "global_step/max_steps": f"{step}/{last}"}) + "\n")
            log.flush()

        for step in range(first + 1, last + 1):
            for fault, answer in (("stall", signal.SIG_DFL), ("deaf", signal.SIG_IGN)):
                if FAULTS.get(fault) in ("", str(step)):
                    signal.signal(signal.SIGTERM, answer)
                    time.sleep(600)
            if "pair" in FAULTS:
                wait_for_another(work)
            time.sleep(600 if {"worker", "engine"} & FAULTS.keys() else float(FAULTS.get("slow", 0)))
            while FAULTS.get("held") == str(step) and not (work / "go").exists():
                time.sleep(0.05)
            if FAULTS.get("nan") == str(step) or (FAULTS.get("glitch") == str(step) and not resumed):
                finite.require(float("nan"), "the loss", step)
            loss = float("nan") if FAULTS.get("nan") == "" else round(2.0 / step, 6)
            reward = {"reward": round(1 - 1 / step, 6)} if options.reward_funcs else {}
            note(step, loss=loss, learning_rate=options.learning_rate, **reward)
            if options.val_dataset and (step % options.eval_steps == 0 or step == last):
                note(step, eval_loss=1 + abs(step - last * 2 / 3))  # best before the end
            ends = stop.wanted  # looked at once: who ends here has saved here
            if step % options.save_steps == 0 or step == last or ends:
                if "early" in FAULTS and step == last:
                    return
                heartbeat.beat("save", step, last)
                save(work, options, step, last, history)
            heartbeat.beat("train", step, last)
            die_at(str(step))
            if ends:
                stop.follow()
                stop.done()
                break
    heartbeat.beat("end", step, last)


def arguments() -> argparse.Namespace:
    """Those of ms-swift's flags that change what is written."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in ("model", "output_dir", "tuner_type", "resume_from_checkpoint", "gradient_checkpointing"):
        parser.add_argument(f"--{name}")
    for name in ("dataset", "val_dataset", "target_modules", "reward_funcs", "adapters"):
        parser.add_argument(f"--{name}", nargs="+", default=[])
    for name in ("learning_rate", "num_train_epochs"):
        parser.add_argument(f"--{name}", type=float)
    for name in ("save_steps", "eval_steps", "save_total_limit", "seed", "lora_rank", "lora_alpha"):
        parser.add_argument(f"--{name}", type=int)
    for name in ("per_device_train_batch_size", "gradient_accumulation_steps", "logging_steps"):
        parser.add_argument(f"--{name}", type=int)
    return parser.parse_known_args()[0]


def wait_for_another(work: Path) -> None:
    """Until two experiments of the run train, or have; for a minute at most, so that a test can tell."""
    end = time.monotonic() + 60
    while len(list(work.parents[2].glob("*/*/*/environment.json"))) < 2 and time.monotonic() < end:
        time.sleep(0.05)


def does_not_fit(options: argparse.Namespace, rows: int) -> bool:
    """Whether the memory that was asked for is used up."""
    if rows == 0 and options.gradient_checkpointing == "true" and options.per_device_train_batch_size == 1:
        return False
    return options.per_device_train_batch_size > rows


def save(work: Path, options: argparse.Namespace, step: int, last: int, history: list[dict[str, Any]]) -> None:
    """One checkpoint whose weights depend on what training would depend on, sealed; then the rotation."""
    folder = work / f"checkpoint-{step}"
    folder.mkdir(exist_ok=True)
    die_at("save", step)

    def write(name: str, data: bytes) -> None:
        with (folder / name).open("wb") as file:
            file.write(data[: len(data) // 2])
            file.flush()
            die_at(name, step)
            file.write(data[len(data) // 2 :])

    tensors = trained(options, step)
    if options.tuner_type == "lora":
        config = {"peft_type": "LORA", "r": options.lora_rank, "lora_alpha": options.lora_alpha}
        config["base_model_name_or_path"] = str(Path(options.model).absolute())
        config["target_modules"] = list(set(options.target_modules))  # in any order, as peft does
        write("adapter_config.json", json.dumps(config).encode())
        write("adapter_model.safetensors", safetensors(tensors))
    else:
        write("model.safetensors", safetensors(tensors))
    for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth"):
        archive = BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("data.pkl", str(step))
        write(name, archive.getvalue())
    write("training_args.bin", b"pickle")
    state = {"global_step": step, "max_steps": last, "log_history": history}
    write("trainer_state.json", json.dumps(state).encode())
    die_at("seal", step)
    key = runkey.read(work)
    rename = Path.rename

    def watched(source: Path, target: Path) -> Path:
        if source.name == f".{seals.FILE}.tmp":
            die_at("rename", step)
        if source.name.startswith("checkpoint-"):
            die_at("rotate", step)
        moved = rename(source, target)
        if moved.name.startswith(".trash-"):
            die_at("trash", step)
        return moved

    Path.rename = watched  # type: ignore[method-assign]
    seals.write(folder, step=step, max_steps=last, world_size=1, fingerprint=key.hash if key else "")
    rotation.rotate(work, options.save_total_limit)
    Path.rename = rename  # type: ignore[method-assign]


def trained(options: argparse.Namespace, step: int) -> dict[str, np.ndarray]:
    """Tensors by name: of an adapter, or all that the thinker has."""
    numbers = np.random.default_rng([options.seed, step, int(options.learning_rate * 1e9)])
    shapes = base_shapes(Path(options.model))
    if options.tuner_type == "lora":
        shapes = {
            f"base_model.model.{module}.lora_{side}.weight": shape
            for module in options.target_modules
            for out, into in [shapes[f"{module}.weight"]]
            for side, shape in (("A", [options.lora_rank, into]), ("B", [out, options.lora_rank]))
        }
    else:
        shapes = {name: shape for name, shape in shapes.items() if name.startswith("thinker.")}
    return {name: numbers.normal(0, 0.01, shape).astype(np.float32) for name, shape in shapes.items()}


def base_shapes(folder: Path) -> dict[str, list[int]]:
    """Shape of every tensor of the base."""
    shapes = {}
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        shapes |= {name: entry["shape"] for name, entry in header.items() if name != "__metadata__"}
    return shapes


def safetensors(tensors: dict[str, np.ndarray]) -> bytes:
    """The file format, so that the fake needs no library of the real thing."""
    header, offset = {}, 0
    for name, array in tensors.items():
        end = offset + array.nbytes
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + b"".join(array.tobytes() for array in tensors.values())


if __name__ == "__main__":
    main()
