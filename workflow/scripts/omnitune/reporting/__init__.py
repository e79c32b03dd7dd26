"""Reporting: what a run did and whether it helped, as one self-contained HTML page."""

# Raised only when report.html would change for the same inputs; the rules pass it as a parameter.
VERSION = 2
