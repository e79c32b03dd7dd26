"""Video: section F of the catalogue."""

from omnitune.validation.actions import WARN, WARN_OR_REPAIR, Code

CODES = {
    "E125": Code("no video stream", "Name a file with pictures, or list it under audios."),
    "E126": Code("too few frames", "A video needs at least 2 frames."),
    "E127": Code("very few frames", "Use an image, or a longer video.", WARN),
    "E128": Code("no frame rate", "Re-encode the video."),
    "E129": Code(
        "variable frame rate",
        "Re-encode it at a constant rate: ffmpeg -i FILE -fps_mode cfr OUT.mp4.",
        WARN_OR_REPAIR,
    ),
    "E130": Code("absurd frame rate", "Re-encode the video at its true rate."),
    "E131": Code("bad video size", "Scale the video."),
    "E132": Code("extreme aspect ratio of a video", "Crop or pad the video."),
    "E133": Code("rotated video", "Rotate the pixels by re-encoding: readers differ.", WARN_OR_REPAIR),
    "E134": Code("unusual pixels of a video", "Re-encode it as 8-bit SDR with square pixels.", WARN),
    "E135": Code("unreadable video", "Is the upload complete? Copy the file again."),
    "E136": Code("video cut off", "Is the upload complete? Copy the file again."),
    "E137": Code("header and content differ", "Re-encode the video."),
    "E138": Code("unusual start", "Re-encode the video if its first frames matter.", WARN),
    "E139": Code("resolution changes", "Re-encode the video at one size."),
    "E140": Code("no audio in the video", "Add an audio track or set media.audio_in_video: false."),
    "E141": Code("sound and pictures differ in length", "Cut both to one length.", WARN),
    "E143": Code("codec not available", "Re-encode the video, for example as H.264."),
    "E144": Code("video beyond the limits", "Cut the video or scale it down."),
}
