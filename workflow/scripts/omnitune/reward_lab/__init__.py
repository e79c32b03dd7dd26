"""Rewards tried before a GPU is taken: every one on real prompts, with completions of known worth.

VERSION is what a trial depends on: raise it when it would judge otherwise.
"""

VERSION = 1
