"""A reward of your own: one float per completion. `grpo.reward_file` names the file, `grpo.rewards` the function.

The columns of the rows (`solution` and every other) come as keyword arguments, one list each.
"""


def custom_reward(completions, **kwargs):
    """1 for a round number: the demo's model learns to answer in tens."""
    rewards = []
    for completion in completions:
        rewards.append(1.0 if completion.strip().endswith("0") else 0.0)
    return rewards
