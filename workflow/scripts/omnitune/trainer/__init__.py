"""What runs inside ms-swift's process, for any of its trainings; `trainer_plugin.py` puts it there.

Nothing here imports torch or ms-swift before a training has begun.
"""
