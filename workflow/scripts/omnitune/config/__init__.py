"""The config: one strict model per top-level key, and `load.load`, which turns mistakes into sentences.

Nothing is imported here, so that a command loads the sections that it needs and no others.
"""
