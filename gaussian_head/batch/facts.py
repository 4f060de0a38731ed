"""What a finished job shows of itself: its numbers and one small picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..checks import read_json
from ..media import FORMATS

WIDTH = 320
"""Pixels of a picture."""
PICTURES = ("sheet.png", "capture/report.png", "report.png")
REPORTS = ("capture/report.json", "report.json")


def numbers_of(result: Any, out: Path) -> dict[str, Any]:
    """Numbers of an evaluation by driver; of tracking its residuals and findings; else nothing."""
    if hasattr(result, "summary"):
        rows = result.summary().items()
        return {driver: {name: _short(value) for name, value in values.items()} for driver, values in rows}
    for name in REPORTS:
        if (out / name).is_file():
            report = read_json(out / name, "report")
            kept = {key: report[key] for key in ("frames", "fps", "residual", "blinks") if key in report}
            words = [finding["words"] for finding in report.get("findings", [])]
            return kept | ({"findings": words} if words else {})
    return {}


def picture_of(out: Path) -> bytes | None:
    """JPEG of a video's middle frame or of a report's sheet; None where there is nothing to see."""
    from PIL import Image

    picture: np.ndarray | None = None
    if out.suffix.lower() in FORMATS and out.is_file():
        picture = _middle(out)
    elif out.is_dir():
        for path in [out / name for name in PICTURES if (out / name).is_file()][:1]:
            picture = np.asarray(Image.open(path).convert("RGB"))
    if picture is None:
        return None
    from ..media.memory import jpeg_bytes

    height = max(round(picture.shape[0] * WIDTH / picture.shape[1]), 1)
    small = Image.fromarray(picture).resize((WIDTH, height), Image.Resampling.BOX)
    return jpeg_bytes(np.asarray(small), quality=80)


def _middle(video: Path) -> np.ndarray | None:
    import av
    from av.error import FFmpegError

    try:
        with av.open(str(video)) as container:
            stream = container.streams.video[0]
            container.seek((container.duration or 0) // 2)
            return next(container.decode(stream)).to_ndarray(format="rgb24")
    except (FFmpegError, StopIteration, IndexError):
        return None


def _short(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value
