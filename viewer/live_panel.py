"""The tab that shows a training run and lets the user hold it or end it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from viser import Icon, uplot

from .live_run import Run, Status, describe

if TYPE_CHECKING:
    from viser import GuiApi


LOSS_COLOR, PSNR_COLOR = "#ff8a52", "#5ab0ff"
AXIS_COLOR, GRID_COLOR = "#8f97a8", "rgba(143,151,168,0.15)"
CURVE_HEIGHT = 130
"""Pixels."""


class LivePanel:
    """Widgets of one browser; ``update`` brings them up to date."""

    def __init__(self, gui: GuiApi, run: Run) -> None:
        self._run = run
        self._shown: Status | None = None
        self._points = (-1, -1)
        status = run.status
        self._text = gui.add_markdown(describe(status))
        self._bar = gui.add_progress_bar(100 * status.share)
        self._pause = gui.add_button("Pause training", icon=Icon.PLAYER_PAUSE, visible=False)
        self._resume = gui.add_button("Go on training", icon=Icon.PLAYER_PLAY, color="green", visible=False)
        self._stop = gui.add_button(
            "Stop and save",
            icon=Icon.DEVICE_FLOPPY,
            visible=False,
            hint="ends training here and saves the head; `--resume` goes on from this step another time",
        )
        self._loss = _curve(gui, "Loss", LOSS_COLOR)
        self._psnr = _curve(gui, "PSNR (dB)", PSNR_COLOR)
        self._pause.on_click(lambda _: run.pause(True))
        self._resume.on_click(lambda _: run.pause(False))
        self._stop.on_click(lambda _: run.stop())
        self.update()

    def update(self) -> None:
        """Show the run as it is now; sends nothing where nothing changed."""
        status = self._run.status
        if status != self._shown:
            self._shown = status
            self._text.content = describe(status)
            self._bar.value = 100.0 if status.finished else 100 * status.share
            steerable = status.trains and not status.stopping
            self._pause.visible = steerable and not status.paused
            self._resume.visible = steerable and status.paused
            self._stop.visible = steerable
        curves = self._run.curves()
        points = (len(curves[0][0]), len(curves[1][0]))
        if points != self._points:
            self._points = points
            for chart, (steps, values) in zip((self._loss, self._psnr), curves, strict=True):
                if len(steps) >= 2:
                    chart.data = (steps, values)
                    chart.visible = True


def _curve(gui: GuiApi, title: str, color: str) -> Any:
    across: uplot.Axis = {"stroke": AXIS_COLOR, "grid": {"stroke": GRID_COLOR, "width": 1}}
    up: uplot.Axis = {**across, "size": 44}
    return gui.add_uplot(
        (np.zeros(2), np.zeros(2)),
        ({"label": "step"}, {"label": title, "stroke": color, "width": 2, "points": {"show": False}}),
        title=title,
        scales={"x": {"time": False}},
        axes=(across, up),
        legend={"show": False},
        height=CURVE_HEIGHT,
        visible=False,
    )
