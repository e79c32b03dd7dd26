"""Stands in for ms-swift's trainer where the logic under test is ours: same files, no model, milliseconds."""
