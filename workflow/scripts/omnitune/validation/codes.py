"""The stable codes of everything that can be wrong with a row: name, remedy, and what may be done about it.

E001 to E160 are the cases of the catalogue of bad inputs; from E201 on are the ones it does not number.
"""

from typing import Literal, NamedTuple

Action = Literal["reject", "repair", "warn", "fail", "ignore"]

# What may be done about a finding; the first is done unless validate.policy says otherwise.
REJECT: tuple[Action, ...] = ("reject", "fail")
DOUBT: tuple[Action, ...] = ("reject", "warn", "ignore", "fail")
WARN: tuple[Action, ...] = ("warn", "reject", "ignore", "fail")
OFF: tuple[Action, ...] = ("ignore", "warn", "reject", "fail")
REPAIR: tuple[Action, ...] = ("repair", "reject", "fail")
REPAIR_OR_WARN: tuple[Action, ...] = ("repair", "warn", "reject", "ignore", "fail")
OFF_OR_REPAIR: tuple[Action, ...] = ("ignore", "warn", "repair", "reject", "fail")


class Code(NamedTuple):
    """One kind of finding.

    Attributes:
        name: a short name for tables.
        fix: what to do about it.
        actions: what the pipeline may do about it; the first is the default.
    """

    name: str
    fix: str
    actions: tuple[Action, ...] = REJECT


CODES: dict[str, Code] = {
    # File and JSON.
    "E001": Code("broken JSON", "Write one JSON object a line."),
    "E002": Code("line cut off", "Is the file still being copied?"),
    "E005": Code("CR line ends", "Convert the line ends: tr '\\r' '\\n'."),
    "E006": Code("not UTF-8 (UTF-16)", "Re-encode the file as UTF-8: iconv -f UTF-16 -t UTF-8."),
    "E007": Code("invalid UTF-8", "Write the file as UTF-8."),
    "E008": Code("NUL byte", "Is the file damaged? Copy it again."),
    "E009": Code("NUL character in text", "Remove the \\u0000."),
    "E010": Code("half a surrogate pair", "Write the character itself, or both halves."),
    "E013": Code("key given twice", "Keep one of them."),
    "E014": Code("not a JSON number", "Write a number or null."),
    "E015": Code("number out of range", "Write a smaller number, or a string."),
    "E018": Code("Python repr", "Was it written with print()? Use json.dumps()."),
    "E019": Code("row is no object", "Write one JSON object a line."),
    "E020": Code("two objects on a line", "Write one JSON object a line."),
    "E021": Code("JSON array", "Set format: json, or write one JSON object a line: jq -c '.[]' FILE."),
    "E022": Code("empty file", "Write at least one row."),
    "E023": Code("nested too deep", "Flatten the row."),
    "E024": Code("line too long", "Put media in files and name their paths."),
    "E025": Code("not a text file", "Give the file uncompressed."),
    # Schema and conversation.
    "E026": Code("no messages", "Give the turns as a list of {role, content}."),
    "E027": Code("messages not a list", "Give the turns as a list of {role, content}."),
    "E028": Code("no content", "Give the turn a content."),
    "E029": Code("empty turn", "Fill the turn or remove the row."),
    "E030": Code("content not text", "Give text or a list of content parts."),
    "E031": Code("unknown role", "Roles are system, user, assistant and tool."),
    "E032": Code("misspelt role", "Write roles in lower case without spaces."),
    "E033": Code("wrong first turn", "Start with a system or user turn."),
    "E034": Code("same role twice", "Merge the turns or add the one between them."),
    "E035": Code("no answer to train on", "End with an assistant turn, or set use: [eval]."),
    "E036": Code("misplaced system turn", "Give one system turn, the first."),
    "E037": Code("tool result without a call", "Put an assistant turn before it."),
    "E038": Code("unknown message key", "A turn has role and content."),
    "E039": Code("misspelt column", "Rename the column, or map it with columns:."),
    "E040": Code("more media than markers", "Add the missing marker or remove the path."),
    "E041": Code("more markers than media", "Add the missing path or remove the marker."),
    "E042": Code("marker in an assistant turn", "Media belong in user turns."),
    "E043": Code("marker in a system or tool turn", "Media belong in user turns."),
    "E044": Code("ambiguous marker", "Reword the text: a marker in it stands for a file."),
    "E046": Code("misspelt marker", "Markers are <image>, <audio> and <video>."),
    "E047": Code("control token in text", "Remove it: the model takes it for an end of turn or a medium."),
    "E048": Code("reserved tag in text", "Remove it: ms-swift replaces it."),
    "E049": Code("path tag in text", "Write <image> and name the path in images."),
    "E050": Code("media given twice", "Give each file once: in its content part or in the list."),
    "E051": Code("media list malformed", "Give a list of paths.", REPAIR),
    "E055": Code("bad or repeated id", "Give every row its own short id, or none."),
    "E056": Code("duplicate", "Nothing to do, or set split.duplicates: keep."),
    # Paths and sources.
    "E061": Code("no such file", "Put the file there or correct the path."),
    "E062": Code("empty media file", "Copy the file again or remove the row."),
    "E063": Code("not a readable file", "Name a file that can be read."),
    "E064": Code("device", "Name a regular file."),
    "E065": Code("FIFO", "Name a regular file."),
    "E066": Code("socket", "Name a regular file."),
    "E067": Code("symlink loop", "Correct the link."),
    "E068": Code("link out of the roots", "Add the folder it leads to to media.roots, or copy the file."),
    "E069": Code("outside the roots", "Add its folder to media.roots, or copy the file."),
    "E071": Code("URL", "Download the file and name its local path."),
    "E072": Code("scheme refused", "Give a local path."),
    "E074": Code("playlist", "Name the media file itself."),
    "E076": Code("control character in a path", "Rename the file."),
    # Audio.
    "E079": Code("text instead of media", "Was it a failed download? Fetch the file again."),
    "E080": Code("unknown audio format", "Copy the file again or convert it to WAV or FLAC."),
    "E082": Code("no samples", "Record or copy the file again."),
    "E091": Code("audio too short", "Remove the row: the encoder needs a whole window."),
    "E094": Code("bad sample rate", "Resample the file to 16 kHz."),
    # Images.
    "E101": Code("unreadable image", "Copy the file again."),
    "E102": Code("too many pixels", "Scale the image down."),
    "E107": Code("extreme aspect ratio", "Crop or pad the image."),
    "E118": Code("image format refused", "Convert it to PNG, JPEG or WebP."),
    # Video.
    "E125": Code("no video stream", "Name a file with pictures, or list it under audios."),
    "E126": Code("too few frames", "A video needs at least 2 frames."),
    "E128": Code("no frame rate", "Re-encode the video."),
    "E131": Code("bad video size", "Scale the video."),
    "E135": Code("unreadable video", "Is the upload complete? Copy the file again."),
    "E140": Code("no audio in the video", "Add an audio track or set media.audio_in_video: false."),
    "E143": Code("codec not available", "Re-encode the video, for example as H.264."),
    # Not in the catalogue.
    "E201": Code("no question", "Fill the question, or map its column with columns:."),
    "E202": Code("answer not text", "Give the answer or solution as text.", REPAIR),
    "E203": Code("no reference answer", "End with an assistant turn or give a solution."),
    "E204": Code("column mapped twice", "Remove one of the two columns, or the mapping."),
    "E205": Code("embedded media malformed", "Give base64 data with its format, or a path."),
    "E206": Code("held out for the test", "Nothing to do, or add eval to the source's use:."),
    "E207": Code("broken row of a table", "Double a quote inside a quoted cell, and close it."),
    "E208": Code("ragged row of a table", "Give every row one cell a column; quote cells that hold a separator."),
    "E209": Code("no text", "Fill the text, or map its column with columns:."),
    "E210": Code("sound taken from the video", "Nothing to do, or set extract_audio: false.", REPAIR),
    "E230": Code("near duplicate", "Remove one of the two if they mean the same.", ("warn", "ignore", "fail")),
}


class Finding(NamedTuple):
    """One thing that is wrong: its code, what was found, and a remedy when the code's own does not fit."""

    code: str
    what: str
    fix: str = ""

    def sentence(self) -> str:
        """What was found and what to do."""
        fix = self.fix or CODES[self.code].fix
        return f"{self.what}. {fix}" if self.what else fix


class RowError(Exception):
    """Stops the work on one row; the row keeps its place as rejected."""

    def __init__(self, code: str, what: str, fix: str = "") -> None:
        self.finding = Finding(code, what, fix)
        super().__init__(self.finding.sentence())
