"""Which rows are good enough to learn from, and which file each goes to.

VERSION is what the validate stage's results depend on: raise it only when they would change.
"""

VERSION = 4
