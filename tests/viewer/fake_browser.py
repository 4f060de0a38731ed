"""A client that records what the viewer sends and can answer as a browser's player does."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from types import SimpleNamespace

import numpy as np


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
            asyncio.run(self.field._callback(None))

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
