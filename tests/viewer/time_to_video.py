"""How long a new user waits: from `gaussian-head view` to an mp4 in orbit, with sound, in the downloads.

    python tests/viewer/time_to_video.py runs/me/head

A real headless Chromium presses what a person would press; nothing is warm but the disk's cache.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1]))
from support_browser import CHROMIUM, FLAGS

PATIENCE_MS = 600_000


def time_to_video(head: Path, out: Path) -> dict[str, float]:
    """Seconds from the command to its address, to the first picture and to the file ``out``; and what is in it."""
    from playwright.sync_api import sync_playwright

    begun = time.monotonic()
    entry = "from gaussian_head.cli import main; main()"
    command = [sys.executable, "-c", entry, "view", str(head), "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    try:
        url = _address(server)
        marks = {"address": time.monotonic() - begun}
        with sync_playwright() as session:
            browser = session.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
            page = browser.new_page(viewport={"width": 1280, "height": 800}, accept_downloads=True)
            page.set_default_timeout(PATIENCE_MS)
            page.goto(url)
            page.wait_for_selector("#gh-screen")
            marks["picture"] = time.monotonic() - begun
            page.get_by_role("tab", name="Save").click()
            with page.expect_download(timeout=PATIENCE_MS) as arrived:
                page.get_by_role("button", name="Save video").click()
            arrived.value.save_as(out)
            marks["video"] = time.monotonic() - begun
            browser.close()
    finally:
        server.terminate()
        server.wait()
    return {**marks, **_content(out)}


def _address(server: subprocess.Popen[str]) -> str:
    assert server.stdout is not None
    for line in server.stdout:
        found = re.search(r"viewer: (http\S+)", line)
        if found:
            return found[1]
    raise RuntimeError("the viewer ended without saying where it listens")


def _content(out: Path) -> dict[str, float]:
    from gaussian_head.media import probe, read_audio

    info, sound = probe(out), read_audio(out)
    return {"frames": float(info.num_frames), "height": float(info.height), "loudest": float(np.abs(sound).max())}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("head", type=Path)
    parser.add_argument("--out", type=Path, default=Path("orbit.mp4"))
    chosen = parser.parse_args()
    numbers = time_to_video(chosen.head, chosen.out)
    sys.stdout.write(json.dumps({key: round(value, 2) for key, value in numbers.items()}, indent=1) + "\n")
