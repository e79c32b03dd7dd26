"""Media files: where they may lie, and what their headers say."""
