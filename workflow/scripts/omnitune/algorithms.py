"""What makes GRPO another algorithm: the flags of ms-swift that each sets."""

from typing import Any

Flags = dict[str, Any]

# One ratio a sequence needs far narrower clips than one a token (arXiv 2507.18071).
_NARROW: Flags = {"epsilon": 3e-4, "epsilon_high": 4e-4, "beta": 0}
# What makes GRPO another algorithm; `grpo` is ms-swift's own default. Numbers are those of the papers.
FLAGS: dict[str, Flags] = {
    "grpo": {},
    # arXiv 2503.14476: a wider upper clip, groups without variance sampled again, cut completions not counted.
    "dapo": {
        "loss_type": "dapo", "epsilon_high": 0.28, "dynamic_sample": True, "overlong_filter": True, "beta": 0,
    },
    # arXiv 2503.20783: no bias by length or by the difficulty of a prompt.
    "dr_grpo": {"loss_type": "dr_grpo", "scale_rewards": "none"},
    "bnpo": {"loss_type": "bnpo"},
    "gspo": {"importance_sampling_level": "sequence"} | _NARROW,
    "gspo_token": {"importance_sampling_level": "sequence_token"} | _NARROW,
    # arXiv 2506.13585 and 2510.13786: weights are clipped, no token is dropped.
    "cispo": {"loss_type": "cispo", "epsilon_high": 5.0},
    "sapo": {"loss_type": "sapo"},  # arXiv 2511.20347
    "gdpo": {"scale_rewards": "gdpo"},  # arXiv 2601.05242
    "rloo": {"advantage_estimator": "rloo"},
    "reinforce_plus_plus": {"advantage_estimator": "reinforce_plus_plus"},
    "real": {"loss_type": "real"},  # arXiv 2602.05630
    "fipo": {"loss_type": "fipo"},  # arXiv 2603.19835
}  # fmt: skip
BETA = 0.04  # ms-swift's own weight of the divergence


def beta(algorithm: str, chosen: float | None) -> float:
    """The weight of the divergence from the start that a training has."""
    return chosen if chosen is not None else float(FLAGS[algorithm].get("beta", BETA))
