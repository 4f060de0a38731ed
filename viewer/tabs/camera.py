"""Where the camera stands: presets and field of view."""

from __future__ import annotations

import math
from typing import Any

from ..session import Session
from ..views import PRESETS, recorded_fov
from .common import on_user


def build(session: Session, gui: Any) -> None:
    """Fill the tab."""
    views = gui.add_button_group("View", tuple(PRESETS))
    fov = gui.add_slider(
        "Field of view", 5.0, 70.0, 0.5, round(2 * math.degrees(recorded_fov(session.scene.person.head))) / 2
    )

    def go() -> None:
        session.go_to(list(PRESETS).index(views.value))
        fov.value = min(max(math.degrees(session.client.camera.fov), 5.0), 70.0)

    def zoom() -> None:
        session.client.camera.fov = math.radians(fov.value)
        session.touch()

    views.on_click(lambda _: go())
    on_user(fov, zoom)
