"""The sound of a row's videos, heard beside them: one more audio and its marker for every video."""

import re
from typing import TYPE_CHECKING

from omnitune.converters.source import Draft
from omnitune.readers import Notes
from omnitune.records import MARKERS, Message

if TYPE_CHECKING:
    from omnitune.media.soundtrack import Soundtracks

_marker = re.compile(f"({MARKERS['audio']}|{MARKERS['video']})")


def add_soundtracks(draft: Draft, soundtracks: "Soundtracks", notes: Notes) -> None:
    """Put an audio after every video of the draft, in its lists and in its user turns."""
    videos, audios = draft.media.get("video", []), draft.media.get("audio", [])
    asked = "".join(message.content for message in draft.messages if message.role == "user")
    if not videos or (asked.count(MARKERS["video"]), asked.count(MARKERS["audio"])) != (len(videos), len(audios)):
        return  # the checks say what is wrong with such a row
    tracks, own = map(soundtracks.extract, videos), iter(audios)
    heard: list[str] = []
    for number, message in enumerate(draft.messages):
        if message.role != "user":
            continue
        content = ""
        for part in _marker.split(message.content):
            content += part
            if part == MARKERS["audio"]:
                heard.append(next(own))
            elif part == MARKERS["video"]:
                heard.append(next(tracks))
                content += MARKERS["audio"]
        draft.messages[number] = Message("user", content)
    draft.media["audio"] = heard
    notes["E210"] = "the sound of its videos is heard beside them"
