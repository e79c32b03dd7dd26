"""A first config guessed from the data: format, columns, media roots, task and metrics, each with its reason."""

from omnitune.guess.config_text import refuse_existing, write_config
from omnitune.guess.source import SourceGuess, guess_all, refuse_unusable

__all__ = ["SourceGuess", "guess_all", "refuse_existing", "refuse_unusable", "write_config"]
