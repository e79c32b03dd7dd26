"""The config: one strict model per top-level key, and `load`, which turns mistakes into sentences."""

from omnitune.config.experiments import Experiment
from omnitune.config.load import filled_pretrain, load
from omnitune.config.run import Config, DemoConfig

__all__ = ["Config", "DemoConfig", "Experiment", "filled_pretrain", "load"]
