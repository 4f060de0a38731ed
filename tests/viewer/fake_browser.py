"""A client that records what the viewer sends and can answer as a browser's player does."""

from __future__ import annotations

import contextlib
import io
import json
import threading
import time
import wave
from types import SimpleNamespace

import numpy as np
from support_async import finished

from gaussian_head.playing.scheduler import IDLE_WAIT


class FakeField:
    def __init__(self):
        self.value, self._impl, self._callback = "", SimpleNamespace(uuid="field"), None

    def on_update(self, callback):
        self._callback = callback
        return callback


class FakeNotice:
    def __init__(self, title, body, **options):
        self.title, self.body, self.removed = title, body, False

    def remove(self):
        self.removed = True


class FakeClient:
    """As much of viser's ClientHandle as Session and Worker use; ``acknowledge`` False is a browser that hangs."""

    def __init__(self, acknowledge: bool = True, decode_seconds: float = 0.005):
        self.client_id, self.acknowledge, self.decode_seconds = 1, acknowledge, decode_seconds
        self.field = FakeField()
        self.gui = SimpleNamespace(add_text=lambda *a, **k: self.field)
        self.scene = SimpleNamespace(set_background_image=self._show)
        self.camera = SimpleNamespace(
            wxyz=np.array([1.0, 0, 0, 0]), position=np.zeros(3), look_at=np.array([0, 0, 1.0]), fov=0.41, aspect=1.0
        )
        self._websock_connection = SimpleNamespace(queue_message=lambda message: self.scripts.append(message.source))
        self.scripts: list[str] = []
        self.images: list[np.ndarray] = []
        self.notices: list[FakeNotice] = []
        self.arrived = threading.Condition()
        self.error: Exception | None = None
        self._socket = threading.Lock()
        self.player = {"id": 1, "t": 0.0, "playing": False, "rate": 1.0, "loop": True}

    def report(self, kind="clock", **changes):
        with self._socket:
            self.player.update(changes)
            self.field.value = json.dumps({"kind": kind, "n": 0, **self.player})
            finished(self.field._callback(None))

    def wait_for(self, condition, seconds=20.0):
        with self.arrived:
            assert self.arrived.wait_for(condition, seconds), "the viewer did not do it in time"

    def flush(self):
        pass

    def atomic(self):
        return contextlib.nullcontext()

    def add_notification(self, title, body, **options):
        self.notices.append(FakeNotice(title, body, **options))
        with self.arrived:
            self.arrived.notify_all()
        return self.notices[-1]

    def _show(self, image, format, jpeg_quality):
        if self.error is not None:
            raise self.error
        with self.arrived:
            self.images.append(image)
            self.arrived.notify_all()
        if self.acknowledge:
            threading.Thread(target=self._decode, daemon=True).start()

    def _decode(self):
        time.sleep(self.decode_seconds)
        self.report("shown")


def settle(client, seconds=60.0):
    """Wait until nothing more is due, however slow the machine; returns the last picture."""
    scheduler, end = client.session.scheduler, time.monotonic() + seconds
    while True:
        with client.session.changed:
            now = time.monotonic()
            idle = scheduler.next(now) is None and scheduler.wait(now) == IDLE_WAIT
            if idle and client.images and client.images[-1].shape[0] == client.session.staging.size:
                return client.images[-1].astype(int)
        assert now < end, "the viewer never comes to rest"
        time.sleep(0.02)


def wav_bytes(seconds=1.0, rate=22050):
    t = np.arange(int(seconds * rate)) / rate
    samples = 0.4 * np.sin(2 * np.pi * 220 * t) * (np.sin(2 * np.pi * 2 * t) > 0)
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return buffer.getvalue()
