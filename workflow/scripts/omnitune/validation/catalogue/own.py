"""What the catalogue does not number."""

from omnitune.validation.actions import DOUBT, NOTE, OFF, REPAIR, WARN, Code

CODES = {
    "E201": Code("no question", "Fill the question, or map its column with columns:."),
    "E202": Code("answer not text", "Give the answer or solution as text.", REPAIR),
    "E203": Code("no reference answer", "End with an assistant turn or give a solution."),
    "E204": Code("column mapped twice", "Remove one of the two columns, or the mapping."),
    "E205": Code("embedded media malformed", "Give base64 data with its format, or a path."),
    "E206": Code("held out for the test", "Nothing to do: what is tested on is not trained on."),
    "E207": Code("broken row of a table", "Double a quote inside a quoted cell, and close it."),
    "E208": Code("ragged row of a table", "Give every row one cell a column; quote cells that hold a separator."),
    "E209": Code("no text", "Fill the text, or map its column with columns:."),
    "E210": Code("sound taken from the video", "Nothing to do, or set extract_audio: false.", REPAIR),
    "E211": Code("repeated id", "Give every row its own id, or none."),
    "E212": Code("markers added", "Nothing to do, or place the markers yourself.", REPAIR),
    "E213": Code("setting that would be lost", "Prepare the file that way, or remove the setting or row.", DOUBT),
    "E214": Code("personal data or secret", "Remove it if it should not be learned.", OFF),
    "E215": Code("path put right", "Nothing to do, or correct the path.", REPAIR),
    "E216": Code("tied to two sides", "Nothing to do, or give each row media of its own."),
    "E220": Code("cannot be put right", "Convert the file by hand, or remove the row."),
    "E221": Code("decoder fails", "Convert the file with another program."),
    "E222": Code("video beyond the decode limit", "Cut or convert the file, or raise validate.decode_seconds."),
    "E223": Code(
        "length not known", "Nothing to do, or validate.media: decode, or convert it to WAV or MP4.", WARN
    ),
    "E230": Code("near duplicate", "Remove one of the two if they mean the same.", NOTE),
    "E240": Code("sound the training misreads", "Convert it: ffmpeg -i FILE -ar 16000 -ac 1 OUT.wav.", REPAIR),
    "E241": Code("placeholder in text", "Remove it: ms-swift replaces it, by a number or by nothing.", DOUBT),
    "E242": Code("video the training cannot read", "Convert it: ffmpeg -i FILE -c:v libx264 OUT.mp4.", REPAIR),
    "E243": Code("URL fetched", "Nothing to do, or download the file and name its local path.", REPAIR),
    "E244": Code("URL not fetched", "Try again later, or download the file and name its local path."),
}
