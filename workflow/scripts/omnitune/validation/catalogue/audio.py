"""Sound: section D of the catalogue."""

from omnitune.validation.actions import OFF_OR_REPAIR, REPAIR_OR_WARN, WARN, WARN_OR_REPAIR, Code

CODES = {
    "E079": Code("text instead of media", "Was it a failed download? Fetch the file again."),
    "E080": Code("unknown audio format", "Copy the file again or convert it to WAV or FLAC."),
    "E081": Code("sound cut off", "Copy the file again or remove the row."),
    "E082": Code("no samples", "Record or copy the file again."),
    "E083": Code(
        "streaming header", "Nothing to do; rewriting the file puts the length into its header.", WARN_OR_REPAIR
    ),
    "E084": Code("mislabelled audio", "Rename the file: its content decides.", WARN_OR_REPAIR),
    "E086": Code(
        "not 16 kHz mono", "Nothing to do, or convert it: ffmpeg -i FILE -ar 16000 -ac 1 OUT.wav.", OFF_OR_REPAIR
    ),
    "E087": Code("low sampling rate", "Use the original recording if it has a higher rate.", WARN),
    "E088": Code("samples that are no sound", "Export the sound again: it holds NaN, infinity or huge numbers."),
    "E089": Code("silent sound", "Is the right channel or file exported?", WARN),
    "E090": Code("clipped or lopsided sound", "Record at a lower level, or export the sound again.", WARN),
    "E091": Code("audio too short", "Remove the row: the encoder needs a whole window."),
    "E092": Code("audio too long", "Cut it into shorter pieces."),
    "E093": Code("sound beyond the decode limit", "Cut or convert the file, or raise validate.decode_seconds."),
    "E094": Code("bad sample rate", "Resample the file to 16 kHz."),
    "E095": Code("bad number of channels", "Mix the file down to one channel."),
    "E096": Code("audio format not plain", "Convert it to WAV or FLAC.", REPAIR_OR_WARN),
    "E097": Code("huge tag", "Remove the cover picture.", WARN),
    "E098": Code("encrypted", "Use a file without DRM."),
    "E099": Code("several audio tracks", "Keep the track you mean and remove the others.", WARN_OR_REPAIR),
    "E100": Code("length differs", "Convert the file: readers will not agree on its length.", WARN),
}
