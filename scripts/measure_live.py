"""Measure a live head: `python scripts/measure_live.py HEAD --out tests/bench/live.json`, of its parts by `--parts`.

offline: the talker by its own clock, a minute of speech in chunks as it is spoken. browser: a real page in headless
Chromium on loopback, to which a tone is streamed in chunks of 20 ms in real time; the upper quarter of each picture is
bright where its frame's own sound is, so that what is seen tells which sound it belongs to. long: the same for
`--seconds`, with the server's memory. Wall times need a machine that does nothing else; each part is written by itself.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import tyro

from gaussian_head import Actor
from gaussian_head.actor import captured_sound
from gaussian_head.conventions import SAMPLE_RATE
from gaussian_head.durable import replacing
from gaussian_head.live import Talker
from gaussian_head.live.app import serve
from gaussian_head.live.client import LiveClient
from gaussian_head.media import read_audio
from gaussian_head.voice.mouth import COLUMNS
from gaussian_head.voice.scores import correlation

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from support_browser import headless_chromium
from support_live_page import EVERY, LASTS, WATCH, LivePage, apart, onsets, stamped, ticks

CHUNK = SAMPLE_RATE // 50
JAW = COLUMNS[0]


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to measure."""

    head: tyro.conf.Positional[Path]
    out: Path
    parts: tuple[Literal["offline", "browser", "long"], ...] = ("offline", "browser", "long")
    audio: Path | None = None
    """Speech for offline; the head's own by default."""
    browsers: tuple[int, ...] = (1, 2, 4)
    """Pages at once, of which the first is measured."""
    minute: float = 60.0
    """Seconds of each part but the long one."""
    seconds: float = 600.0
    """Of the long one."""
    note: str = ""
    """Hardware, commit and date."""


def offline(options: Options) -> dict[str, Any]:
    """Chunks, latency, interruption, cost, and the lag of lips."""
    actor = Actor.load(options.head)
    own = captured_sound(actor.clip)
    sound = own if options.audio is None else read_audio(options.audio, sample_rate=SAMPLE_RATE)
    assert sound is not None, "the head's capture has no sound; give --audio"
    minute = np.resize(sound, round(options.minute * SAMPLE_RATE))
    told = {ms: _streamed(actor, minute, ms) for ms in (20, 40, 200)}
    whole, _ = _streamed(actor, minute, 1000 * round(options.minute))
    rows: dict[str, Any] = {}
    for ms, (units, late) in told.items():
        same = len(units) == len(whole) and bool(torch.equal(units, whole))
        rows[f"chunks of {ms} ms"] = {"same as the whole": same, "latency_s": _spread(late)}
    if own is not None:
        jaw, seen = _streamed(actor, own, 20)[0][:, 0], actor.clip.motion.units[:, JAW]
        rows["jaw against the tracked one"] = _lag(jaw, seen)
        rows["jaw against the tracked one of half the clip later"] = _lag(jaw, seen.roll(len(seen) // 2))
    return rows | {"interrupted": _interrupted(actor, sound), "cost": _cost(actor, sound)}


def _streamed(actor: Actor, sound: np.ndarray, milliseconds: int) -> tuple[torch.Tensor, np.ndarray]:
    """The mouth ``[T, 27]`` from the first spoken frame on, and how late each chunk's last sample is said, seconds."""
    talker, size = Talker(actor), SAMPLE_RATE * milliseconds // 1000
    chunks = [sound[i : i + size] for i in range(0, len(sound), size)]
    arrived, placed, frame = [], 0, 0
    units, late = [], []
    wanted = round(len(sound) / SAMPLE_RATE * talker.fps)
    while len(units) < wanted:
        now = frame / talker.fps
        live = milliseconds < 1000
        while len(arrived) < len(chunks) and (not live or (len(arrived) + 1) * size <= now * SAMPLE_RATE + 1e-6):
            talker.hear(chunks[len(arrived)])
            arrived.append(now)
        moment = talker.tell()
        frame += 1
        if units or moment.speaking:
            units.append(moment.motion.units[0, COLUMNS])
            placed += len(moment.samples)
        while len(late) < len(arrived) and (len(late) + 1) * size <= placed:
            late.append(frame / talker.fps - arrived[len(late)])
    return torch.stack(units), np.array(late)


def _lag(told: torch.Tensor, seen: torch.Tensor) -> dict[str, float]:
    """Frames by which ``told`` is late where it fits ``seen`` best, and how well."""
    n = min(len(told), len(seen)) - 12
    fits = {k: float(correlation(told[6 + k : n + k], seen[6:n])) for k in range(-6, 7)}
    best = max(fits, key=fits.__getitem__)
    return {"late_frames": best, "r": round(fits[best], 3), "r at 0": round(fits[0], 3)}


def _interrupted(actor: Actor, sound: np.ndarray) -> dict[str, float]:
    """Worst of twenty interruptions: seconds until silent, and until the mouth is as shut as at rest."""
    talker = Talker(actor)
    shut = talker.tell().motion.units[0, COLUMNS]
    silent, closed = [], []
    for start in np.linspace(0.1, 0.8, 20):
        talker.hear(sound[int(start * len(sound)) :])
        for _ in range(25 + int(40 * start)):
            talker.tell()
        talker.interrupt()
        after = [talker.tell() for _ in range(15)]
        loud = np.flatnonzero(np.concatenate([moment.samples for moment in after]))
        silent.append((loud[-1] + 1) / SAMPLE_RATE if len(loud) else 0.0)
        open = [not torch.equal(moment.motion.units[0, COLUMNS], shut) for moment in after]
        closed.append((max(np.flatnonzero(open), default=-1) + 1) / talker.fps)
    return {"silent_s": round(max(silent), 4), "shut_s": round(max(closed), 3)}


def _cost(actor: Actor, sound: np.ndarray) -> dict[str, float]:
    """Processor milliseconds of a frame, idle, spoken and painted."""
    talker = Talker(actor)

    def each(work: Any, count: int = 100) -> float:
        began = time.process_time()
        for _ in range(count):
            work()
        return round((time.process_time() - began) / count * 1e3, 2)

    idle = each(talker.tell)
    talker.hear(sound[: 8 * SAMPLE_RATE])
    spoken, moment = each(talker.tell), talker.tell()
    talker.picture(moment)
    return {"told_idle_ms": idle, "told_speaking_ms": spoken, "painted_512_ms": each(lambda: talker.picture(moment))}


@dataclass
class Voice:
    """Streams ticks in real time from a thread."""

    client: LiveClient
    seconds: float
    sent: list[float] = field(default_factory=list)
    """Seconds since 1970 at which the chunk with a tone's first sample left."""

    def start(self) -> threading.Thread:
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        return thread

    def _run(self) -> None:
        pcm = (ticks(EVERY) * 32767).astype(np.int16)
        first = round((EVERY - LASTS) * SAMPLE_RATE)
        began, count = time.monotonic(), 0
        with self.client.stream() as stream:
            while count * CHUNK < self.seconds * SAMPLE_RATE:
                # A chunk is there when its last sample was spoken.
                time.sleep(max(began + (count + 1) * CHUNK / SAMPLE_RATE - time.monotonic(), 0))
                at = count * CHUNK % len(pcm)
                if at <= first < at + CHUNK:
                    self.sent.append(time.time())
                stream.send(pcm[at : at + CHUNK])
                count += 1


def browser(options: Options, seconds: float, pages: int) -> dict[str, Any]:
    """Latency, sync, rate and memory while a page shows a head that is spoken through for so long."""
    Talker.picture = stamped(Talker.picture) if not hasattr(Talker, "_plain") else Talker.picture
    Talker._plain = True  # type: ignore[attr-defined]
    handle = serve([options.head], port=0, sessions=max(pages, 1))
    try:
        with headless_chromium() as chromium:
            tabs = [LivePage(chromium, handle.url) for _ in range(pages)]
            for tab in tabs:
                tab.begin()
            tab = tabs[0]
            voice = Voice(LiveClient(handle.url, session=tab.state("session")), seconds + 10)
            speaking = voice.start()
            tab.tab.wait_for_timeout(10_000)
            tab.tab.evaluate(WATCH)
            began, memory, kept = time.time(), [], []
            while time.time() - began < seconds:
                tab.tab.wait_for_timeout(min(15_000, seconds * 250))
                kept.append(_drained(tab.tab))
                memory.append(_resident())
            stats = tab.tab.evaluate(STATS)
            speaking.join(20)
    finally:
        handle.stop()
    seen, heard, shown = (np.concatenate(parts) for parts in zip(*kept, strict=True))
    late = np.array([min(seen[seen > at], default=np.inf) - at for at in voice.sent if at > began])
    late = late[late < EVERY]
    third = max(len(late) // 3, 1)
    gaps = apart(seen, heard)
    return {
        "pages": pages,
        "seconds": round(seconds),
        "speech sent to lips seen_s": _spread(late),
        "drift of it_s": round(float(np.median(late[-third:]) - np.median(late[:third])), 4),
        "picture after sound_s": _spread(gaps),
        "ticks": [len(late), len(voice.sent)],
        "pictures a second": round(len(shown) / seconds, 2),
        "memory_mb": [round(one) for one in memory[:: max(len(memory) // 12, 1)]],
        "memory growth after the first tenth": round(memory[-1] / memory[len(memory) // 10] - 1, 4),
        "browser's buffers_s": stats,
    }


STATS = """async () => {
  const found = {};
  for (const one of (await gaussianHeadLive.peer.getStats()).values())
    if (one.type === 'inbound-rtp')
      found[one.kind] = { hold: one.jitterBufferDelay / one.jitterBufferEmittedCount, dropped: one.framesDropped,
        playout: one.estimatedPlayoutTimestamp, width: one.frameWidth, concealed: one.concealedSamples };
  return found;
}"""


def _drained(tab: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Onsets seen and heard since the last call, and when pictures were shown; the page keeps the last picture."""
    seen, heard = onsets(tab)
    shown = json.loads(tab.evaluate("JSON.stringify(seen.splice(0, seen.length - 1).map((one) => one[0]))"))
    tab.evaluate("heard.length = 0")
    return seen, heard, np.array(shown)


def _resident() -> float:
    """Megabytes of this process in memory."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


def _spread(values: np.ndarray) -> dict[str, float]:
    if not len(values):
        return {"count": 0}
    marks = {"median": 0.5, "p95": 0.95, "worst": 1.0}
    return {"count": len(values)} | {name: round(float(np.quantile(values, q)), 4) for name, q in marks.items()}


def main(options: Options) -> None:
    for part in options.parts:
        if part == "offline":
            rows = offline(options)
        elif part == "browser":
            rows = {f"{count} pages": browser(options, options.minute, count) for count in options.browsers}
        else:
            rows = browser(options, options.seconds, 1)
        kept = json.loads(options.out.read_text(encoding="utf-8")) if options.out.exists() else {}
        kept[part] = {"note": options.note} | rows
        with replacing(options.out) as temporary:
            temporary.write_text(json.dumps({"protocol": __doc__} | kept, indent=1) + "\n", encoding="utf-8")
        print(json.dumps({part: rows}, indent=1))


if __name__ == "__main__":
    main(tyro.cli(Options))
