"""What is known of one stage of a run."""

from dataclasses import dataclass
from typing import Literal

State = Literal["done", "running", "killed", "failed"]


@dataclass(frozen=True)
class Stage:
    """One line of the table.

    Attributes:
        name: the stage; `infer.merge` for the answers of the merged model.
        of: experiment, source and shard, or `base`; empty for what the run shares.
        state: done; running; killed: begun, and its process is gone; failed: it said why.
        when: time of the last sign of life, or of the result; seconds since the epoch.
        progress: `40/180 steps`, `120/800 answers`; empty when unknown.
        loss: the newest training loss, or the published model's mean; empty when there is none.
        left: time that is left, as ms-swift estimates it; empty when unknown.
        process: the process of a running stage, `4711` or `4711 on node7`.
        reason: why it failed, and what to do.
    """

    name: str
    of: str
    state: State
    when: float
    progress: str = ""
    loss: str = ""
    left: str = ""
    process: str = ""
    reason: str = ""
