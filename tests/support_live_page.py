"""The live page in a browser: begun, watched and listened to by a clock that this process shares."""

import json
import time
from pathlib import Path

import numpy as np

RATE = 16000
TONE, EVERY, LASTS = 1000, 1.2, 0.2
"""Hz of the ticks, and seconds from one to the next and that each lasts."""
WATCH = """() => {
  // Seconds since 1970 and whether the stripe is bright; seconds at which the tone begins.
  window.seen = []; window.heard = [];
  const video = document.getElementById('head'), paper = document.createElement('canvas');
  const ink = paper.getContext('2d', { willReadFrequently: true });
  const now = (at) => (performance.timeOrigin + at) / 1000;
  const look = (_, { expectedDisplayTime }) => {
    ink.drawImage(video, 0, 0, 8, 8);
    seen.push([now(expectedDisplayTime), ink.getImageData(4, 0, 1, 1).data[0] > 128]);
    video.requestVideoFrameCallback(look);
  };
  video.requestVideoFrameCallback(look);
  const context = new AudioContext({ latencyHint: 'interactive' }), ear = context.createAnalyser();
  ear.fftSize = 512;
  context.createMediaStreamSource(video.srcObject).connect(ear);
  const wave = new Float32Array(ear.fftSize);
  let loud = false;
  setInterval(() => {
    ear.getFloatTimeDomainData(wave);
    const first = wave.findIndex((one) => Math.abs(one) > 0.1);
    if (first >= 0 && !loud) heard.push(now(performance.now()) - (wave.length - first) / context.sampleRate);
    loud = first >= 0;
  }, 5);
}"""


def ticks(seconds):
    """A tone now and then ``[S]``, with silence before each."""
    at = np.arange(round(seconds * RATE)) / RATE
    on = (at % EVERY) >= EVERY - LASTS
    return (0.6 * on * np.sin(2 * np.pi * TONE * at)).astype(np.float32)


def stamped(picture):
    """``Talker.picture`` with its upper half bright while the frame's own sound is loud, else dark."""

    def draw(talker, moment, scale=1.0):
        image = picture(talker, moment, scale)
        image[: len(image) // 4] = 255 * bool(np.abs(moment.samples).max() > 0.1)
        return image

    return draw


def onsets(tab):
    """Seconds at which the stripe became bright, and at which the tone began."""
    seen, heard = json.loads(tab.evaluate("JSON.stringify([seen, heard])"))
    bright = [at for (at, now), (_, before) in zip(seen[1:], seen, strict=False) if now and not before]
    return np.array(bright), np.array(heard)


def apart(seen, heard):
    """Seconds by which the picture is late, for each tone that has its picture within half a period."""
    gaps = np.array([seen[np.abs(seen - at).argmin()] - at for at in heard]) if len(seen) else np.zeros(0)
    return gaps[np.abs(gaps) < EVERY / 2]


class LivePage:
    """A tab on a live server."""

    def __init__(self, browser, url, query=""):
        self.tab = browser.new_page(viewport={"width": 1280, "height": 800})
        self.errors: list[str] = []
        self.tab.on("pageerror", lambda error: self.errors.append(str(error)))
        self.tab.set_default_timeout(60_000)
        self.tab.goto(url + query)

    def begin(self):
        self.tab.click("#start")
        self.until(self.connected, "a connection")
        self.until(lambda: self.tab.evaluate("document.getElementById('head').videoWidth") > 0, "a picture")

    def connected(self):
        return self.state("peer?.connectionState") == "connected"

    def state(self, name):
        return self.tab.evaluate(f"gaussianHeadLive.{name}")

    def shown(self):
        return self.tab.evaluate("document.getElementById('head').currentTime")

    def until(self, condition, what, seconds=60.0):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"waited {seconds} s in vain for {what}"
            self.tab.wait_for_timeout(50)


def processes_with(word):
    """Numbers of the processes whose command line has ``word``."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if word.encode() in place.read_bytes():
                found.append(int(place.parent.name))
        except OSError:
            continue
    return found
