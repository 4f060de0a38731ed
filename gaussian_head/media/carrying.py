"""What a film holds besides its pictures and the sound that is heard: further sound tracks, subtitles, chapters, tags.

Packets are copied as they are where the new container takes their codec; text subtitles are re-wrapped where it wants
them in another form. What cannot be taken along is told.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from ._containers import open_container, packets
from ._sound_source import first_picture_time
from ._timeline import timeline
from .audio import chosen_track

TEXTS = ("subrip", "srt", "text", "webvtt", "mov_text")
"""Subtitles that are lines of text."""
WRAPPED = {"mp4": "mov_text", "mov": "mov_text", "webm": "webvtt"}
"""What lines of text are called in each container."""
MARKS = re.compile(r"<[^>]*>|\{[^}]*\}")
"""Slants and places in a line of text; not every container has them."""
TECHNICAL = ("major_brand", "minor_version", "compatible_brands", "encoder", "duration", "vendor_id", "handler_name")
"""Tags that a file says of itself rather than of what it shows."""
STYLE = b"""[Script Info]\r
ScriptType: v4.00+\r
\r
[V4+ Styles]\r
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, \
Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, \
Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding\r
Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,0\r
\r
[Events]\r
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\r
"""
"""How re-wrapped lines look: as players draw them by default."""


@dataclass(frozen=True, kw_only=True)
class Carried:
    """What goes along from a film into a new file."""

    film: Path
    """Whose tags, chapters and tracks."""
    heard: bool = False
    """The sound track that is heard goes along too, behind the new one."""
    tracks: bool = True
    """Tracks and chapters go along; without, tags alone do: where the picture is re-timed nothing else fits."""


@dataclass
class _Track:
    """One track on its way."""

    source: Any
    stream: Any
    rewrapped: bool
    waiting: list[Any] = field(default_factory=list)


class Beside:
    """Copies what is carried in step with the pictures; a context manager around the writing of the new file."""

    def __init__(self, carried: Carried, container: Any, kind: str, seconds: float) -> None:
        """Into an open output ``container`` of a ``kind`` (FFmpeg's name), for ``seconds`` of picture."""
        self._carried, self._out, self._kind = carried, container, kind
        self._end = seconds
        self.left: list[str] = []
        """Tracks that cannot be taken along, in words."""

    def __enter__(self) -> Beside:
        with ExitStack() as stack:
            self._film: Any = stack.enter_context(open_container(self._carried.film, "video"))
            for key, value in about(self._film.metadata).items():
                own = self._out.metadata.get(key, "")
                if value not in own:
                    self._out.metadata[key] = f"{own} {value}".strip()
            self._line = timeline(self._carried.film, "video")
            self._first = first_picture_time(self._carried.film, self._line) or 0.0
            self._tracks = {t.source.index: t for t in self._added()} if self._carried.tracks else {}
            self._next = self._coming()
            self._ahead = next(self._next, None)
            if self._carried.tracks:
                self._chapters()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    def send(self, seconds: float | Fraction) -> None:
        """Copy what is due before ``seconds`` of the new file."""
        while self._ahead is not None and self._ahead[0] < seconds:
            self._out.mux(self._ahead[1])
            self._ahead = next(self._next, None)

    def _added(self) -> Iterator[_Track]:
        heard = -1 if self._carried.heard or not self._film.streams.audio else chosen_track(self._carried.film)
        for number, source in enumerate(self._film.streams.audio):
            if number != heard:
                yield from self._copied(source, f"sound track {number + 1}")
        for number, source in enumerate(self._film.streams.subtitles):
            yield from self._subtitles(source, f"subtitle track {number + 1}")

    def _copied(self, source: Any, words: str) -> Iterator[_Track]:
        name = source.codec_context.codec.canonical_name if source.codec_context else "unknown"
        if name not in self._out.supported_codecs:
            self.left.append(f"{words} ({name})")
            return
        stream = self._out.add_stream_from_template(source, opaque=True)
        yield self._named(_Track(source=source, stream=stream, rewrapped=False))

    def _subtitles(self, source: Any, words: str) -> Iterator[_Track]:
        name, wanted = source.codec_context.name if source.codec_context else "unknown", WRAPPED.get(self._kind)
        if name not in TEXTS or wanted is None or name == wanted:
            yield from self._copied(source, words)
            return
        stream = self._out.add_stream(wanted)
        stream.codec_context.subtitle_header = STYLE
        stream.time_base = Fraction(1, 1000)
        yield self._named(_Track(source=source, stream=stream, rewrapped=True))

    def _named(self, track: _Track) -> _Track:
        tags = about(track.source.metadata)
        track.stream.metadata.clear()
        track.stream.metadata.update(tags)
        with suppress(AttributeError, ValueError):
            track.stream.disposition = 0
        return track

    def _coming(self) -> Iterator[tuple[float, Any]]:
        """Packets of all tracks with the second of the new file at which each is due."""
        if not self._tracks:
            return
        found = packets(self._film, [t.source for t in self._tracks.values()], [])
        for packet in self._line.follow(found):
            if packet.pts is None or packet.dts is None or not packet.size:
                continue
            track = self._tracks[packet.stream.index]
            due = float(packet.pts * packet.time_base) - self._first
            if due < -1e-6 or due >= self._end:
                continue
            shift = round(self._first / packet.time_base)
            sent = rewrapped(packet, self._kind, track.source.codec_context.name) if track.rewrapped else packet
            sent.pts, sent.dts = packet.pts - shift, packet.dts - shift
            if sent.duration and track.stream.type == "subtitle":
                sent.duration = min(sent.duration, round((self._end - due) / sent.time_base))
            sent.stream = track.stream
            yield due, sent

    def _chapters(self) -> None:
        kept = []
        for chapter in self._film.chapters():
            base = chapter["time_base"]
            shift = round(self._first / base)
            begin, end = max(chapter["start"] - shift, 0), min(chapter["end"] - shift, round(self._end / base))
            if begin < end:
                kept.append({**chapter, "start": begin, "end": end})
        if kept:
            self._out.set_chapters(kept)


def about(tags: Mapping[str, str]) -> dict[str, str]:
    """Those ``tags`` that speak of what is shown, by names in small letters: containers differ in that."""
    return {key.lower(): value for key, value in tags.items() if key.lower() not in TECHNICAL}


def rewrapped(packet: Any, kind: str, name: str) -> Any:
    """The lines of a subtitle ``packet`` of codec ``name`` as the container ``kind`` wants them."""
    import av

    data = bytes(packet)
    if name == "mov_text":
        data = data[2 : 2 + struct.unpack(">H", data[:2])[0]]
    text = MARKS.sub("", data.decode("utf-8", "replace")).replace("\r\n", "\n").strip()
    data = text.encode()
    made = av.Packet(struct.pack(">H", len(data)) + data if WRAPPED[kind] == "mov_text" else data)
    made.time_base, made.duration = packet.time_base, packet.duration
    return made


def left_behind(left: Sequence[str], out: Path) -> str:
    """Words on tracks that a file cannot take along."""
    return f"{out.name} cannot hold {', '.join(left)} of the film; they were left behind."
