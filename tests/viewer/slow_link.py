"""Pictures a second that a browser shows of a playing head over links with a round trip of 0, 100 and 200 ms.

    python tests/viewer/slow_link.py runs/me/head

A real headless Chromium looks through a relay on loopback that holds back every byte for half a round trip.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import threading
import time
from pathlib import Path
from statistics import median

sys.path.append(str(Path(__file__).resolve().parents[1]))
from gaussian_head.viewer import serve
from support_browser import CHROMIUM, FLAGS

WARM_S, SHOWN_S = 6.0, 8.0


class Relay:
    """Listens on a free port of its own and passes everything on, late."""

    def __init__(self, port: int, one_way_s: float) -> None:
        self._port, self._delay = port, one_way_s
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        listening = asyncio.start_server(self._guest, "127.0.0.1", 0)
        server = asyncio.run_coroutine_threadsafe(listening, self._loop).result()
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _guest(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, ours = await asyncio.open_connection("127.0.0.1", self._port)
        await asyncio.gather(self._late(reader, ours), self._late(theirs, writer))

    async def _late(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        held: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def collect() -> None:
            data = b"begin"
            while data:
                data = await source.read(1 << 16)
                held.put_nowait((self._loop.time() + self._delay, data))

        collecting = asyncio.ensure_future(collect())
        while True:
            due, data = await held.get()
            await asyncio.sleep(max(due - self._loop.time(), 0))
            if not data:
                break
            sink.write(data)
        sink.close()
        await collecting


def shown_a_second(head: Path, round_trip_s: float, moving: str) -> dict[str, float]:
    """Median of the rate, once it has settled, and pictures that may be on their way by then."""
    from playwright.sync_api import sync_playwright

    viewer = serve(head, port=0, size=512, block=False)
    try:
        relay = Relay(int(viewer.url.rsplit(":", 1)[1]), round_trip_s / 2)
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.goto(relay.url)
            page.wait_for_selector("#gh-screen")
            session = viewer.sessions[0]
            session.move_at(moving)
            page.evaluate("gaussianHead.play()")
            time.sleep(WARM_S)
            pacer, rates, end = session.scheduler.pacer, [], time.monotonic() + SHOWN_S
            while time.monotonic() < end:
                rates.append(pacer.fps(time.monotonic()))
                time.sleep(0.25)
            browser.close()
        return {"round_trip_s": round_trip_s, "fps": median(rates), "in_flight": pacer.depth}
    finally:
        viewer.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("head", type=Path)
    parser.add_argument("--moving", default="fluid", choices=("automatic", "sharp", "fluid"))
    chosen = parser.parse_args()
    for delay in (0.0, 0.1, 0.2):
        row = shown_a_second(chosen.head, delay, chosen.moving)
        sys.stdout.write(json.dumps({key: round(value, 2) for key, value in row.items()}) + "\n")
