"""A GRPO of a few steps on the demo's base, for whatever samples its completions."""

REWARD_FILE = "config/steady.py"
# A file of rewards is loaded where the training is: it can look at what the way to vLLM does to the weights.
STEADY = """
from swift.rlhf_trainers.rollout_mixin import RolloutTrainerMixin

send = RolloutTrainerMixin._move_full_model_to_vllm


def sent(self):
    before = {name: one.detach().clone() for name, one in self.model.named_parameters()}
    send(self)
    after = dict(self.model.named_parameters())
    moved = [name for name, one in before.items() if one.dtype != after[name].dtype or not one.equal(after[name])]
    if moved:
        raise RuntimeError(f"{len(moved)} of {len(before)} weights were changed by sending them: {moved[:4]}")


RolloutTrainerMixin._move_full_model_to_vllm = sent


def custom_reward(completions, **kwargs):
    return [float(text.strip().endswith("0")) for text in completions]
"""

GRPO = {
    "enabled": True,
    "start_from": "base",
    "reward_file": REWARD_FILE,
    "rewards": {"custom_reward": 1.0},
    # The rate is high, so that weights which did not arrive would show.
    "learning_rate": 5e-3,
    "lr_scheduler": "constant",
    "lora": {"dropout": 0},
    "num_generations": 4,
    "effective_batch": 32,  # eight prompts
    "micro_batch": 32,
    "epochs": 0.05,
    "max_length": 512,
    "max_completion_length": 4,
    # Sampling cuts nothing off: that would show in the rollout's likelihoods, and not in the trainer's.
    "top_p": 1.0,
    "top_k": 100_000,
    "logging_steps": 1,
}
