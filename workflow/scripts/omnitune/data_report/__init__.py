"""The page about a run's data: what became of every row, what the rows are like, and examples to look at.

VERSION is what the page depends on besides its inputs: raise it when it would change.
"""

VERSION = 1
