"""Paths and sources: section C of the catalogue."""

from omnitune.validation.actions import WARN, Code

CODES = {
    "E061": Code("no such file", "Put the file there or correct the path."),
    "E062": Code("empty media file", "Copy the file again or remove the row."),
    "E063": Code("not a readable file", "Name a file that can be read."),
    "E064": Code("device", "Name a regular file."),
    "E065": Code("FIFO", "Name a regular file."),
    "E066": Code("socket", "Name a regular file."),
    "E067": Code("symlink loop", "Correct the link."),
    "E068": Code(
        "link out of the roots", "Copy the file, or add the folder it leads to to the roots (media.roots)."
    ),
    "E069": Code("outside the roots", "Copy the file, or add its folder to the roots (media.roots)."),
    "E070": Code("path found twice", "Give the path from one root, or an absolute one.", WARN),
    "E071": Code("URL", "Download the file and name its local path, or list its beginning in validate.urls."),
    "E072": Code("scheme refused", "Give a local path."),
    "E073": Code("list of other files", "Name the media file itself."),
    "E074": Code("playlist", "Name the media file itself."),
    "E076": Code("control character in a path", "Rename the file."),
    "E077": Code("names nearly equal", "Rename one: on other machines they may be one file.", WARN),
    "E078": Code("changed while read", "Wait until the file is complete, then run again."),
}
