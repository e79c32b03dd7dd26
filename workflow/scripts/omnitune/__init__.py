"""omnitune: the library behind the pipeline's commands.

Plain Python: nothing here imports snakemake, and no module imports torch or ms-swift at its top.
"""
