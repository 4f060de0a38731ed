"""Sliders that turn the head and pull the face."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viser import Icon

from ..session import Session
from .common import on_user

if TYPE_CHECKING:
    from viser import GuiApi


POSE_SLIDERS = (("Turn", "turn_deg", 45), ("Nod", "nod_deg", 30), ("Tilt", "tilt_deg", 30))
"""Label, field of Edits and limit in degrees."""
FACE_SLIDERS = (
    ("Open mouth", ("jaw_open",), -0.5, 1.5),
    ("Widen lips", ("lip_width",), -1.0, 1.0),
    ("Pucker", ("lip_pucker",), -1.0, 1.0),
    ("Raise brows", ("brow_up",), -1.0, 1.0),
    ("Close left eye", ("blink_l",), 0.0, 1.0),
    ("Close right eye", ("blink_r",), 0.0, 1.0),
    ("Look sideways", ("gaze_x",), -1.0, 1.0),
    ("Look down", ("gaze_y",), -1.0, 1.0),
)
"""Label, channels pushed, and limits in units of the channel's captured range."""


def build(session: Session, gui: GuiApi) -> None:
    """Fill the tab."""
    sliders = []
    with gui.add_folder("Head"):
        for label, name, limit in POSE_SLIDERS:
            slider = gui.add_slider(label, -float(limit), float(limit), 0.5, 0.0)
            on_user(slider, lambda s=slider, n=name: session.edit(**{n: s.value}))
            sliders.append(slider)
    with gui.add_folder("Expression"):
        for label, channels, low, high in FACE_SLIDERS:
            slider = gui.add_slider(label, low, high, 0.02, 0.0)
            on_user(slider, lambda s=slider, c=channels: session.push(c, s.value))
            sliders.append(slider)
    blink = gui.add_button("Blink now", icon=Icon.EYE, hint="closes both eyes once; B does it too")
    blink.on_click(lambda _: session.blink())
    reset = gui.add_button("Relax", icon=Icon.ROTATE_2, hint="every slider and switch of motion back to where it was")

    def relax() -> None:
        for slider in sliders:
            slider.value = 0.0
        session.relax()

    reset.on_click(lambda _: relax())
