"""The same media, another question: the digit's name instead of the digit.

Most of pre-training asks for names, so that the random model learns to see and hear well, yet answers the
tasks' own question badly enough to leave the fine-tuning something to do.
"""

from dataclasses import replace

from omnitune.demo.example import Example

QUESTION = "What is its name?"
NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def by_name(example: Example) -> Example:
    """The example, asked and answered in words."""
    return replace(example, question=QUESTION, answer=NAMES[int(example.answer)])
