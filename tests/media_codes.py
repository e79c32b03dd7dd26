"""What is found in files of the catalogue beside that for which they are listed."""

# By the header.
_BY_HEADER = {
    "E083": ["E240-audio-stream.flac"],
    "E086": ["E094-audio-rate_10_million.wav", "E240-audio-pcm.mka", "E240-audio-flac.mp4"],
    "E087": ["E240-audio-GSM610.wav", "E240-audio-G721_32.wav", "E240-audio-g726.wav"],
    "E091": ["E095-audio-255_channels.wav"],
    "E092": ["E094-audio-rate_1.wav"],
    "E096": ["E081-audio-cut.RF64", "E081-audio-cut.W64"],
    "E106": ["E107-image-line.png", "E124-image-passes.png"],
    "E113": [
        *("E102-image-huge.gif", "E105-image-million.gif", "E112-image-key_palette.png", "E112-image-key_L.gif"),
        *("E112-image-key_P.gif", "E112-image-key_moving.gif", "E114-image-moving.gif"),
    ],
    "E114": ["E112-image-key_moving.gif"],
    "E130": ["E137-video-says_1_second.mp4", "E144-video-long.mp4"],
    "E133": ["E242-video-lying.mp4"],
    "E144": ["E131-video-16000x16000.mp4"],
    "E242": [
        *("E128-video-without_delays.gif", "E131-video-2x2.mp4", "E133-video-turned90.mp4"),
        *("E133-video-turned270.mp4", "E138-video-late_key.mp4"),
    ],
}
# By decoding: silence, one colour.
_BY_DECODING = {
    "E089": ["E099-audio-two_tracks.mp4", "audio-aac.m4a", "audio-aac.aac", "audio-live.webm"],
    "E121": [
        *("E106-image-dot.png", "E109-image-print.jpg", "E110-image-deep.png", "E111-image-alpha.png"),
        *(
            "E111-image-alpha.webp",
            "E112-image-grey_alpha.png",
            "E112-image-key.png",
            "E112-image-key_palette.png",
        ),
        *("E112-image-key_L.gif", "E112-image-key_P.gif", "E113-image-palette.png", "E113-image-two.png"),
        *("E113-image-still.gif", "E113-image-two.bmp", "image-RGB.png", "image-L.png", "image-P.png"),
        *("image-1.png", "image-RGBA.png", "image-LA.png", "image-I_16.png", "image-RGB.bmp", "image-L.bmp"),
        *("image-1.bmp", "image-dot.png", "image-ratio_200.png", "image-just_below.png", "image-just_below.jpg"),
        *("image-just_below.webp", "image-just_below.gif", "image-interlaced.png", "image-deep_colour.png"),
    ],
}
# FFmpeg, which puts sound right, does not know these codecs: what the attempt finds is told instead.
_UNMENDED = {
    ("E240-audio-NMS_ADPCM_16.wav", "probe"): {"E240", "E087"},
    ("E240-audio-NMS_ADPCM_16.wav", ""): {"E240", "E080"},
    ("E240-audio-dwvw.aiff", "probe"): {"E240"},
    ("E240-audio-dwvw.aiff", "decode"): {"E240", "E081"},
    ("E240-audio-dwvw.aiff", ""): {"E240", "E080"},
}


def expected(name: str, codes: set[str], level: str) -> set[str]:
    """All codes of a file.

    Args:
        codes: for which it is listed.
        level: of `validate.media`, or `probe`: the header alone, and nothing is put right.
    """
    tables = [_BY_HEADER, *([_BY_DECODING] if level == "decode" else [])]
    also = {code for table in tables for code, names in table.items() if name in names}
    return _UNMENDED.get((name, level)) or _UNMENDED.get((name, ""), codes | also)
