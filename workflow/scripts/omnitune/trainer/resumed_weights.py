"""A resumed training of all weights begins with all of them.

transformers 5 keeps a layer's experts as two tensors in memory, and one by one in a checkpoint. Its trainer reads
a checkpoint by the names in memory, finds no experts, and goes on with those of the base.
"""

from typing import Any


def complete(trainer: Any) -> None:
    """Make a trainer read checkpoints of whole models as models are read; adapters stay as they are.

    It takes the memory of a second model while it reads.
    """
    from peft import PeftModel

    read = trainer._load_from_checkpoint

    def read_whole(folder: str, model: Any = None) -> None:
        target = trainer.model if model is None else model
        if isinstance(target, PeftModel):
            read(folder, model)
            return
        saved, told = type(target).from_pretrained(folder, dtype=target.dtype, output_loading_info=True)
        if told["missing_keys"]:  # they were drawn at random
            missing = ", ".join(told["missing_keys"])
            raise RuntimeError(f"Error(s) in loading state_dict for {folder}: no {missing}")
        target.load_state_dict(saved.state_dict())

    trainer._load_from_checkpoint = read_whole
