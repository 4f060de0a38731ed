"""Other colours by name: hair, skin, clothes, exposure and tint; saved as a head of its own."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from viser import Icon

from gaussian_head.actor import Actor
from gaussian_head.checks import InputError
from gaussian_head.editing import Recolour
from gaussian_head.events import Listener
from gaussian_head.playing.dress import Wardrobe

from .. import exports
from ..session import Session
from .common import guarded, on_user
from .save import begin

if TYPE_CHECKING:
    from viser import GuiApi


STARTS = {"hair": (102, 51, 20), "skin": (205, 160, 130), "clothes": (40, 60, 110)}
"""Colours to begin with."""
STOPS = 2.0


def build(session: Session, gui: GuiApi) -> None:
    """Fill the folder."""
    others = {name: gui.add_checkbox(f"Other {name}", False) for name in STARTS}
    colours = {name: gui.add_rgb(name.capitalize(), start, visible=False) for name, start in STARTS.items()}
    exposure = gui.add_slider("Exposure", -STOPS, STOPS, 0.05, 0.0, hint="stops: 1 is twice as bright")
    tint = gui.add_rgb("Tint", (255, 255, 255))
    save = gui.add_button("Save this look", icon=Icon.DOWNLOAD, hint="the head in these colours, in a zip: unpack it")
    back = gui.add_button("Own colours", icon=Icon.ROTATE_2, color="gray")
    worn, turn = [session.staging.person.name], threading.Lock()
    waiting = threading.Event()
    clothes: list[Wardrobe] = []

    def wardrobe() -> Wardrobe:
        person = session.shelf.get(session.staging.person.name)
        if not clothes or clothes[0].person is not person:
            clothes[:] = [Wardrobe(person)]
        return clothes[0]

    def wanted() -> Recolour:
        red, green, blue = (c / 255 for c in tint.value)
        regions = {name: _unit(colours[name].value) for name, box in others.items() if box.value}
        return Recolour(regions=regions, exposure=exposure.value, tint=(red, green, blue))

    def wear() -> None:
        waiting.set()
        while waiting.is_set() and turn.acquire(blocking=False):  # the newest wish is enough
            waiting.clear()
            try:
                session.renew(wardrobe().dressed(wanted()))
            except InputError as error:
                for box in others.values():
                    box.value = False
                show()
                session.complain("This did not work", str(error))
            finally:
                turn.release()

    def show() -> None:
        for name, box in others.items():
            colours[name].visible = box.value

    def choose() -> None:
        show()
        guarded(session, wear)

    def plain() -> None:
        for box in others.values():
            box.value = False
        exposure.value, tint.value = 0.0, (255, 255, 255)
        choose()

    def changed_person() -> None:
        if session.staging.person.name != worn[0]:
            worn[0] = session.staging.person.name
            plain()

    def store() -> None:
        name, own, how = session.staging.person.name, wardrobe(), wanted()

        def work(folder: Path, listener: Listener) -> Path:
            return _packed(own.actor(how), folder, f"{name}-look".replace(" ", "-"))

        begin(session, "the head in these colours", work)

    for widget in (*others.values(), *colours.values(), exposure, tint):
        on_user(widget, choose)
    back.on_click(lambda _: plain())
    save.on_click(lambda _: guarded(session, store))
    session.refreshers.append(changed_person)


def _packed(actor: Actor, folder: Path, name: str) -> Path:
    """The head's folder in one zip."""
    actor.save(folder / name / "head")
    return exports.zipped(folder / name, folder / f"{name}.zip")


def _unit(color: tuple[int, int, int]) -> tuple[float, float, float]:
    red, green, blue = (c / 255 for c in color)
    return red, green, blue
