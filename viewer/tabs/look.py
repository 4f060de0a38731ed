"""What a picture shows: colour or measurements, parts, background, size."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from gaussian_head.head import PARTS
from gaussian_head.playing.pictures import MODES, PLAIN
from gaussian_head.playing.scheduler import Moving

from ..session import Session
from . import colours, compare
from .common import SIZES, on_user

if TYPE_CHECKING:
    from viser import GuiApi


MOVING: tuple[Moving, ...] = get_args(Moving)
MODE_LABELS = dict(zip(("Colour", "Depth", "Normals", "Opacity", "Parts", "Motion", "Ellipsoids"), MODES, strict=True))


def build(session: Session, gui: GuiApi) -> None:
    """Fill the tab."""
    mode = gui.add_dropdown("Show", tuple(MODE_LABELS))
    on_user(mode, lambda: session.restyle(mode=MODE_LABELS[mode.value]))
    boxes = {part: gui.add_checkbox(part.capitalize(), True) for part in PARTS}
    for box in boxes.values():
        on_user(box, lambda: session.restyle(parts=frozenset(p for p, b in boxes.items() if b.value)))
    plate = gui.add_checkbox("Background", True, hint="the recorded background, or a plain colour")
    on_user(plate, lambda: session.restyle(plate=plate.value))
    red, green, blue = (round(255 * c) for c in PLAIN)
    color = gui.add_rgb("Plain colour", (red, green, blue))
    on_user(color, lambda: session.restyle(color=tuple(c / 255 for c in color.value)))
    scale = gui.add_slider("Gaussian size", 0.05, 1.5, 0.05, 1.0)
    on_user(scale, lambda: session.restyle(splat_scale=scale.value))
    sizes = {**SIZES, str(session.staging.size): session.staging.size}
    size = gui.add_dropdown("Picture height", tuple(sizes), initial_value=str(session.staging.size))
    on_user(size, lambda: session.resize(sizes[size.value]))
    moving = gui.add_dropdown("While it moves", MOVING, hint="sharp: always full size; fluid: half of it")
    on_user(moving, lambda: session.move_at(moving.value))
    own = gui.add_checkbox(
        "Draw in the browser (WebGL)", False, hint="smooth to turn with a graphics card; colour only"
    )
    on_user(own, lambda: session.draw_in_browser(own.value))
    with gui.add_folder("Colours", expand_by_default=False):
        colours.build(session, gui)
    with gui.add_folder("Compare"):
        compare.build(session, gui)
