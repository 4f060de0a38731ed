"""One time line for a file's packets, where its time stamps restart or are missing too."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ._containers import moving_streams, open_container, packets

BACK_SECONDS, FORTH_SECONDS = 0.5, 60.0
"""Time stamps that step back or leap ahead by more than this were begun anew."""


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """When the packets of a file are due; times are seconds."""

    times: np.ndarray
    """``[P]`` sorted presentation times of the picture packets, empty where there are no pictures or no stamps."""
    num_packets: int
    """Picture packets, stamped or not."""
    shifts: tuple[float, ...] = (0.0,)
    """Added to the stamps of each stretch between restarts, so that its pictures follow those before."""
    begins: tuple[float, ...] = (0.0,)
    """When the pictures of each stretch begin."""
    leaps: bool = False
    """True where a leap ahead begins a stretch, too."""

    @property
    def seekable(self) -> bool:
        """True where a time stamp names one place in the file."""
        return len(self.shifts) == 1 and len(self.times) > 0

    def follow(self, found: Iterator[Any]) -> Iterator[Any]:
        """Yield packets with the stamps of this time line; sound that comes before the pictures of its stretch goes."""
        if len(self.shifts) == 1:
            yield from found
            return
        counters: dict[int, _Counter] = {}
        for packet in found:
            counter = counters.setdefault(packet.stream.index, _Counter(leaps=self.leaps))
            stretch = min(counter.stretch(packet), len(self.shifts) - 1)
            shift = round(self.shifts[stretch] / packet.time_base) if packet.size else 0
            packet.pts = None if packet.pts is None else packet.pts + shift
            packet.dts = None if packet.dts is None else packet.dts + shift
            early = packet.pts is not None and packet.pts * packet.time_base < self.begins[stretch] - 1e-3
            if not (stretch and early and packet.stream.type == "audio"):
                yield packet


@dataclass
class _Counter:
    """Counts the stretches of one stream."""

    leaps: bool
    last: float | None = None
    restarts: int = 0
    spans: list[list[float]] = field(default_factory=list)
    """Begin and end of each stretch, in the file's own stamps."""

    def stretch(self, packet: Any) -> int:
        """Number of the stretch that ``packet`` belongs to."""
        stamp = packet.pts if packet.dts is None else packet.dts
        if stamp is None or not packet.size:
            return self.restarts
        now = float(stamp * packet.time_base)
        step = 0.0 if self.last is None else now - self.last
        if step < -BACK_SECONDS or (self.leaps and step > FORTH_SECONDS):
            self.restarts += 1
        self.last = now
        shown = now if packet.pts is None else float(packet.pts * packet.time_base)
        end = shown + float((packet.duration or 0) * packet.time_base)
        if len(self.spans) <= self.restarts:
            self.spans.append([shown, end])
        self.spans[-1] = [min(self.spans[-1][0], shown), max(self.spans[-1][1], end)]
        return self.restarts


def timeline(path: str | Path, what: str) -> Timeline:
    """Read all time stamps of a file's first video track and of its sound, without decoding anything.

    Raises:
        InputError: no media file.
    """
    line, agreed = _read(path, what, leaps=True)
    return line if agreed else _read(path, what, leaps=False)[0]


def _read(path: str | Path, what: str, *, leaps: bool) -> tuple[Timeline, bool]:
    """The time line, and whether all tracks restart equally often."""
    with open_container(path, what) as container:
        moving = moving_streams(container)[:1]
        streams = [*moving, *container.streams.audio]
        counters = {stream.index: _Counter(leaps=leaps) for stream in streams}
        shown: list[list[float]] = []
        count = 0
        for packet in packets(container, streams, []) if streams else ():
            stretch = counters[packet.stream.index].stretch(packet)
            if moving and packet.stream is moving[0] and packet.size:
                count += 1
                stamp = packet.dts if packet.pts is None else packet.pts
                if stamp is not None:
                    shown += [[] for _ in range(stretch + 1 - len(shown))]
                    shown[stretch].append(float(stamp * packet.time_base))
    spans = [counter.spans for counter in counters.values() if counter.spans]
    agreed = len({len(s) for s in spans}) <= 1
    line = Timeline(times=np.unique(np.concatenate([np.zeros(0), *shown[:1]])), num_packets=count, leaps=leaps)
    return _joined(line, shown, spans) if max(map(len, spans), default=0) > 1 else line, agreed


def _joined(line: Timeline, shown: list[list[float]], spans: list[list[list[float]]]) -> Timeline:
    """``line`` with the stretches put one after the other."""
    times = [np.unique(stretch) for stretch in shown]
    step = float(np.median(np.diff(times[0]))) if times and len(times[0]) > 1 else 0.0
    shifts: list[float] = []
    begins: list[float] = []
    end = 0.0
    for k in range(max(map(len, spans))):
        pictures = k < len(times) and len(times[k]) > 0
        seen = [times[k][0], times[k][-1] + step] if pictures else next(s[k] for s in spans if len(s) > k)
        shifts.append(end - seen[0] if k else 0.0)
        begins.append(seen[0] + shifts[k])
        end = seen[1] + shifts[k]
    moved = [stretch + shift for stretch, shift in zip(times, shifts, strict=False)]
    whole = np.unique(np.concatenate([np.zeros(0), *moved]))
    return dataclasses.replace(line, times=whole, shifts=tuple(shifts), begins=tuple(begins))
