"""Whether a training fits the GPUs that it asks for, by arithmetic, before it asks for them."""

from omnitune.fit.memory import Need, need
from omnitune.fit.remedies import remedy
from omnitune.fit.setup import Setup, of_experiment
from omnitune.fit.shape import Shape, shape_of
from omnitune.fit.text import description, refusal

__all__ = ["Need", "Setup", "Shape", "description", "need", "of_experiment", "refusal", "remedy", "shape_of"]
