"""What is known of one stage of a run."""

from dataclasses import dataclass
from typing import Literal

State = Literal["done", "running", "stalled", "killed", "failed"]


@dataclass(frozen=True)
class Stage:
    """One line of the table.

    Attributes:
        name: the stage; `infer.merge` for the answers of the merged model.
        of: experiment, source and shard, or `base`; empty for what the run shares.
        state: done; running; stalled: it runs without a sign of progress; killed: begun, and its process is gone;
            failed: it said why.
        when: time of the last sign of life, or of the result; seconds since the epoch.
        progress: `40/180 steps`, `120/800 answers`; empty when unknown.
        loss: the newest training loss, or the published model's mean; empty when there is none.
        speed: `4.1 s/it`; empty when unknown.
        left: time that is left, as ms-swift estimates it; empty when unknown.
        saved: step of the newest sealed checkpoint; empty when there is none.
        gpus: device numbers, `0,1`; empty when it has none.
        process: the process of a running stage, `4711` or `4711 on node7`.
        reason: why it failed or is taken for stalled, and what to do.
    """

    name: str
    of: str
    state: State
    when: float
    progress: str = ""
    loss: str = ""
    speed: str = ""
    left: str = ""
    saved: str = ""
    gpus: str = ""
    process: str = ""
    reason: str = ""
