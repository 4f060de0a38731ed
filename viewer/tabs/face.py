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


def _both(*units: str) -> tuple[str, ...]:
    return tuple(f"{unit}{side}" for unit in units for side in ("Left", "Right"))


FACE_SLIDERS: dict[str, tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]] = {
    "Jaw": (
        ("Open", ("jawOpen",), ()),
        ("Sideways", ("jawLeft",), ("jawRight",)),
        ("Forward", ("jawForward",), ()),
    ),
    "Mouth": (
        ("Smile or frown", _both("mouthSmile"), _both("mouthFrown")),
        ("Pucker or stretch", ("mouthPucker",), _both("mouthStretch")),
        ("Funnel", ("mouthFunnel",), ()),
        ("Close lips", ("mouthClose",), ()),
        ("Press lips", _both("mouthPress"), ()),
        ("Upper lip up", _both("mouthUpperUp"), ("mouthRollUpper",)),
        ("Lower lip down", _both("mouthLowerDown"), ("mouthRollLower",)),
        ("Sideways", ("mouthLeft",), ("mouthRight",)),
    ),
    "Eyes": (
        ("Close left", ("eyeBlinkLeft",), ()),
        ("Close right", ("eyeBlinkRight",), ()),
        ("Squint or widen", _both("eyeSquint"), _both("eyeWide")),
    ),
    "Gaze": (
        ("Sideways", ("gaze_right",), ()),
        ("Down", ("gaze_down",), ()),
    ),
    "Brows": (
        ("Raise or lower", _both("browOuterUp"), _both("browDown")),
        ("Inner up", ("browInnerUp",), ()),
    ),
    "Cheeks and nose": (
        ("Puff", ("cheekPuff",), ()),
        ("Lift cheeks", _both("cheekSquint"), ()),
        ("Sneer", _both("noseSneer"), ()),
    ),
}
"""By group: label, the units that a positive value adds, and those that a negative one does. Left and right are the
subject's own in names of units, and the picture's in signs."""
MOST_GAZE = 0.5
"""Radians at the end of a slider of gaze; all others end at a unit's full excursion."""


def build(session: Session, gui: GuiApi) -> None:
    """Fill the tab."""
    sliders = []
    with gui.add_folder("Head"):
        for label, name, limit in POSE_SLIDERS:
            slider = gui.add_slider(label, -float(limit), float(limit), 0.5, 0.0)
            on_user(slider, lambda s=slider, n=name: session.edit(**{n: s.value}))
            sliders.append(slider)
    for group, rows in FACE_SLIDERS.items():
        with gui.add_folder(group, expand_by_default=group in ("Jaw", "Mouth", "Eyes")):
            for label, more, less in rows:
                most = MOST_GAZE if group == "Gaze" else 1.0
                slider = gui.add_slider(label, -most if less or group == "Gaze" else 0.0, most, 0.02, 0.0)
                on_user(slider, lambda s=slider, m=more, n=less: session.push(pushed(s.value, m, n)))
                sliders.append(slider)
    blink = gui.add_button("Blink now", icon=Icon.EYE, hint="closes both eyes once; B does it too")
    blink.on_click(lambda _: session.blink())
    reset = gui.add_button("Relax", icon=Icon.ROTATE_2, hint="every slider and switch of motion back to where it was")

    def relax() -> None:
        for slider in sliders:
            slider.value = 0.0
        session.relax()

    reset.on_click(lambda _: relax())


def pushed(value: float, more: tuple[str, ...], less: tuple[str, ...]) -> dict[str, float]:
    """What a slider adds to each unit; without units for a negative value, that is taken from the others."""
    if not less:
        return dict.fromkeys(more, value)
    return dict.fromkeys(more, max(value, 0.0)) | dict.fromkeys(less, max(-value, 0.0))
