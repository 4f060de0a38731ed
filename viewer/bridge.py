"""The one place that reaches behind viser's public API: JavaScript to the browser, reports from it.

viser has neither sound nor acknowledgements. The scripts in ``page`` bring both: they are sent once per connection
and talk back through the value of a hidden text field. They also draw the pictures on a canvas of their own, which
costs the browser far less than viser's background image, for which the whole 3D scene is drawn anew, and send files
piece by piece. Checked with viser 1.1.1; where a browser does not run them, viser's background image, the server's
own clock and a timer carry on without sound.
"""

from __future__ import annotations

import base64
import io
import json
import math
import wave
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from gaussian_head.playing import Legend, NamedPerformance
from gaussian_head.playing.given import MAX_UPLOAD_MB

from .tracks import tracks_of
from .uploads import Piece, parse_piece

if TYPE_CHECKING:
    from viser import ClientHandle, ViserServer


PEAKS = 600
"""Points of the outline that the timeline draws."""
PAGE = ("report.js", "player.js", "bar.js", "tracks.js", "marks.js", "screen.js", "orbit.js", "voice.js", "main.js")
"""Scripts in ``page`` in the order in which they are joined."""


@dataclass(frozen=True, kw_only=True)
class PlayerMessage:
    """One message of a browser's player."""

    kind: str
    """``hello``, ``clock``, ``shown``, ``reset``, ``preset``, ``blink``, ``split``, ``mark``, ``upload``,
    ``toolarge`` or ``lost``."""
    performance: int
    """Number of the performance that the player has loaded."""
    position: float
    """Seconds; for ``mark``, where it was dragged to."""
    playing: bool
    """True while it runs."""
    rate: float
    """Speed, 1 is natural."""
    loop: bool
    """True where it starts again at the end."""
    index: int
    """Which preset, for ``preset``; which key, for ``mark``."""
    value: float
    """Where the split line is, in [0, 1], for ``split``; how strong a mood is, for ``mark``."""
    busy: float
    """Seconds from a picture's arrival until it was on screen, for ``shown``."""
    text: str
    """Query of the page's address, for ``hello``."""
    piece: Piece | None
    """Part of a file, for ``upload``; its name and size for ``toolarge`` and ``lost``."""


def parse_message(text: str) -> PlayerMessage | None:
    """A PlayerMessage from the browser's JSON; None where it is not one (browsers are not trusted)."""
    try:
        data = json.loads(text)
        message = PlayerMessage(
            kind=str(data["kind"]),
            performance=int(data["id"]),
            position=float(data["t"]),
            playing=bool(data["playing"]),
            rate=float(data["rate"]),
            loop=bool(data["loop"]),
            index=int(data.get("index", 0)),
            value=min(max(float(data.get("value", 0.5)), 0.0), 1.0),
            busy=min(max(float(data.get("busy", 0.0)), 0.0), 10.0),
            text=str(data.get("text", ""))[:2000],
            piece=parse_piece(data) if data["kind"] in ("upload", "toolarge", "lost") else None,
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return None
    return message if math.isfinite(message.position) and math.isfinite(message.rate) else None


def page_script(channel: str) -> str:
    """The player for one browser, which reports through the text field ``channel``."""
    folder = Path(__file__).with_name("page")
    config = {
        "channel": channel,
        "style": (folder / "style.css").read_text(encoding="utf-8"),
        "maxBytes": MAX_UPLOAD_MB * 2**20,
    }
    scripts = [(folder / name).read_text(encoding="utf-8") for name in PAGE]
    head = f"(() => {{\nwindow.gaussianHead?.dispose();\nconst config = {json.dumps(config)};\n"
    return head + "\n".join(scripts) + "\n})();"


def wav_base64(samples: np.ndarray, sample_rate: int) -> str:
    """Mono samples ``[S]`` as a 16-bit wav file in base64."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(np.round(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return base64.b64encode(buffer.getvalue()).decode()


def jpeg_base64(image: np.ndarray, quality: int) -> str:
    """``[H, W, 3]`` uint8 as a JPEG of full colour resolution in base64."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality, subsampling=0)
    return base64.b64encode(buffer.getvalue()).decode()


def outline(values: np.ndarray, points: int = PEAKS) -> list[int]:
    """Largest magnitude in ``points`` equal stretches of ``[S]`` values, scaled to 0..100."""
    values = np.abs(np.nan_to_num(values))
    if len(values) == 0:
        return [0]
    edges = np.linspace(0, len(values), min(points, len(values)) + 1).astype(int)[:-1]
    peaks = np.maximum.reduceat(values, edges)
    return np.round(100 * peaks / max(float(peaks.max()), 1e-9)).astype(int).tolist()


def payload(performance: NamedPerformance, number: int) -> dict[str, object]:
    """What the browser's player needs, as plain JSON; silent ones are outlined by how the jaw moves."""
    motion, samples = performance.motion, performance.samples
    jaw = (motion.control("jawOpen") - motion.control("mouthClose")).numpy()
    return {
        "id": number,
        "name": performance.name,
        "fps": motion.fps,
        "duration": motion.duration,
        "peaks": outline(jaw - jaw.min() if samples is None else samples),
        "tracks": tracks_of(motion),
        "sound": None if samples is None else wav_base64(samples, performance.sample_rate),
    }


@dataclass(frozen=True, kw_only=True)
class Caption:
    """What stands over a picture."""

    status: str
    """The line of numbers in the corner."""
    link: str
    """Query that leads back to this view, without the time."""
    legend: Legend | None = None
    """How to read the colours."""
    labels: tuple[str, str] | None = None
    """Names of the left and the right half."""
    split: float | None = None
    """Where the line between them can be dragged, in [0, 1]."""


def entitle(server: ViserServer, title: str) -> None:
    """Name the browser's tab, in every browser that comes."""
    from viser import _messages

    server._websock_server.queue_message(_messages.RunJavascriptMessage(f"document.title = {json.dumps(title)}"))


class Bridge:
    """JavaScript channel of one connected browser."""

    def __init__(self, client: ClientHandle, on_message: Callable[[PlayerMessage], None]) -> None:
        self._client = client
        self.alive = False
        """True once the browser has answered."""
        field = client.gui.add_text("player", initial_value="", visible=False)

        # Asynchronous, so that reports are taken one after the other in the order they came.
        @field.on_update
        async def _(_event: Any) -> None:
            message = parse_message(field.value)
            if message is not None:
                self.alive = self.alive or message.kind == "hello"
                on_message(message)

        self._run(page_script(field._impl.uuid))

    def call(self, method: str, *arguments: Any) -> None:
        """Call ``window.gaussianHead.<method>`` in the browser."""
        values = ", ".join(json.dumps(a) for a in arguments)
        self._run(f"window.gaussianHead?.{method}({values})")

    def show(self, image: np.ndarray, quality: int, caption: Caption) -> None:
        """Draw ``[H, W, 3]`` uint8, as JPEG; through the 3D scene where the player does not run."""
        if not self.alive:
            self._client.scene.set_background_image(image, format="jpeg", jpeg_quality=quality)
        else:
            self.call("show", jpeg_base64(image, quality), asdict(caption))
        self._client.flush()

    def drawn(self, caption: Caption) -> None:
        """The browser draws by itself: take our picture away and say when that is seen."""
        self.call("drawn", asdict(caption))
        self._client.flush()

    def _run(self, source: str) -> None:
        from viser import _messages

        self._client._websock_connection.queue_message(_messages.RunJavascriptMessage(source))
