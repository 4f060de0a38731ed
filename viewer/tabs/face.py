"""Sliders that turn the head and pull the face."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from viser import Icon

from gaussian_head.face import UNITS
from gaussian_head.motion import Motion
from gaussian_head.motion.moods import MOODS

from ..session import Session
from .common import on_user

if TYPE_CHECKING:
    from viser import GuiApi, GuiSliderHandle


POSE_SLIDERS = (("Turn", "turn_deg", 30.0), ("Nod", "nod_deg", 20.0), ("Tilt", "tilt_deg", 20.0))
"""Label, field of Edits and limit in degrees: further than that necks tear."""


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
GAZE_DEG = 28.0
"""Degrees at the end of a slider of gaze; all others end at a unit's full excursion."""
SHOWN = (0.3, 0.97)
"""The clip's own reach is marked where it lies between these, clear of the marks at neutral and at the end."""


def _of(mood: str) -> dict[str, float]:
    return {name: value for name, value in zip(UNITS, MOODS[mood].direction.tolist(), strict=True) if value}


EXPRESSIONS: dict[str, dict[str, float]] = {
    "Smile": _of("happy"),
    "Surprise": _of("surprised"),
    "Sad": _of("sad"),
    "Angry": _of("angry"),
    "Kiss": {"mouthPucker": 0.9, "mouthFunnel": 0.2},
    "Aah": {"jawOpen": 0.7},
    "Wink": {"eyeBlinkLeft": 1.0, "cheekSquintLeft": 0.5, "mouthSmileLeft": 0.3},
    "Shut": {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0},
}
"""Whole faces to begin from: units by name."""


def build(session: Session, gui: GuiApi) -> None:
    """Fill the tab."""
    sliders: list[_Slider] = []
    poses = []
    names = tuple(EXPRESSIONS)
    groups = [gui.add_button_group(label, part) for label, part in (("Expression", names[:4]), (" ", names[4:]))]
    with gui.add_folder("Head"):
        for label, name, most in POSE_SLIDERS:
            slider = gui.add_slider(f"{label} °", -most, most, 0.5, 0.0, marks=((0.0, "neutral"),))
            on_user(slider, lambda s=slider, n=name: session.edit(**{n: s.value}))
            poses.append(slider)
    clip = session.staging.person.actor.clip.motion
    for group, rows in FACE_SLIDERS.items():
        with gui.add_folder(group, expand_by_default=group in ("Jaw", "Mouth", "Eyes")):
            for label, more, less in rows:
                marks = _marks(clip, more, less)
                least, most = (-1.0 if less or group == "Gaze" else 0.0), 1.0
                unit = f"{label} °" if group == "Gaze" else label
                scale = GAZE_DEG if group == "Gaze" else 1.0
                step = 0.5 if group == "Gaze" else 0.02
                slider = gui.add_slider(unit, least * scale, most * scale, step, 0.0, marks=marks)
                own = _Slider(slider=slider, more=more, less=less, per_unit=math.radians(1) if group == "Gaze" else 1.0)
                on_user(slider, lambda o=own: session.push(o.pushed()))
                sliders.append(own)
    blink = gui.add_button("Blink now", icon=Icon.EYE, color="gray", hint="closes both eyes once; B does it too")
    blink.on_click(lambda _: session.blink())
    reset = gui.add_button("Relax", icon=Icon.ROTATE_2, hint="every slider and switch of motion back to where it was")

    def express(name: str) -> None:
        units = EXPRESSIONS[name]
        session.edit(push=dict(units))
        for own in sliders:
            own.show(units)

    def relax() -> None:
        for slider in (*poses, *(own.slider for own in sliders)):
            slider.value = 0.0
        session.relax()

    for group in groups:
        group.on_click(lambda _, g=group: express(g.value))
    reset.on_click(lambda _: relax())


@dataclass(frozen=True, kw_only=True)
class _Slider:
    """A slider and what it adds to the face."""

    slider: GuiSliderHandle[float]
    more: tuple[str, ...]
    less: tuple[str, ...]
    per_unit: float
    """Of a unit, or radians, in one step of the slider's own numbers."""

    def pushed(self) -> dict[str, float]:
        """What it adds to each unit now."""
        return pushed(self.slider.value * self.per_unit, self.more, self.less)

    def show(self, units: Mapping[str, float]) -> None:
        """Stand where these units are, as far as one number can tell."""
        value = max((units.get(name, 0.0) for name in self.more), key=abs, default=0.0)
        if not value and self.less:
            value = -max(units.get(name, 0.0) for name in self.less)
        self.slider.value = min(max(value / self.per_unit, self.slider.min), self.slider.max)


def _marks(clip: Motion, more: tuple[str, ...], less: tuple[str, ...]) -> tuple[tuple[float, str], ...]:
    """Where neutral is, and how far the clip itself went: beyond that a face moves as anybody's would."""
    marks = [(0.0, "neutral")]
    if more[0] in UNITS:
        ends = [
            (sign, max((float(clip.control(u).quantile(0.99)) for u in us), default=0.0))
            for sign, us in ((1.0, more), (-1.0, less))
        ]
        marks += [(sign * round(seen, 2), "seen") for sign, seen in ends if SHOWN[0] < seen < SHOWN[1]]
    return tuple(marks)


def pushed(value: float, more: tuple[str, ...], less: tuple[str, ...]) -> dict[str, float]:
    """What a slider adds to each unit; without units for a negative value, that is taken from the others."""
    if not less:
        return dict.fromkeys(more, value)
    return dict.fromkeys(more, max(value, 0.0)) | dict.fromkeys(less, max(-value, 0.0))
