"""The stable codes of everything that can be wrong with a row, a file for each section.

E001 to E160 are the cases of the catalogue of bad inputs; from E201 on are the ones it does not number.
"""

from omnitune.validation.actions import Code
from omnitune.validation.catalogue import audio, images, own, paths, rows, video

CODES: dict[str, Code] = rows.CODES | paths.CODES | audio.CODES | images.CODES | video.CODES | own.CODES
