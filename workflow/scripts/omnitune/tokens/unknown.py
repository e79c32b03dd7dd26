"""The one answer of this package that is no number."""


class Unknown(Exception):
    """The length cannot be told; the message says why, in words that fit after "because".

    The cases, when headers alone are read (decoding the file tells the length of sound):

    - a large file of a container that does not count its frames (Matroska, WebM, MPEG-TS and -PS, ASF, an MP4 in
      fragments),
    - a frame rate that the header does not give,
    - a large or damaged MP3 without a Xing or Info frame, or one in a WAV: libsndfile estimates its length,
    - sound that only FFmpeg decodes (the track of a video), unless it is AAC-LC, ALAC or FLAC in an MP4 or MOV,
    - AAC of up to 24 kHz in an MP4 or MOV whose settings do not rule out that it has SBR,
    - such sound with several interleaved channels at the rate it is wanted at: ms-swift strings them together,
    - a tool's result after an answer in ReAct's form (Action: and Action Input:), which gets a form of its own,
    - a placeholder that ms-swift fills in: {{ROUND0}} or {{ROUND1}} in a user's or tool's turn, {{SYSTEM}} or
      {{QUERY}} in a tool's,
    - what ms-swift refuses: a shape beyond a ratio of 200, a side that shrinks to nothing, fewer than 2 frames,
      a clip 16, 24, 48 or 72 pixels wide, sound shorter than 2 hops.
    """
