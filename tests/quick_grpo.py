"""A GRPO of a few steps on the demo's base, for whatever samples its completions."""

GRPO = {
    "enabled": True,
    "start_from": "base",
    "reward_file": "config/examples/reward_plugin.py",
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
