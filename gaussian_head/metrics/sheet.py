"""The contact sheet: evenly spaced frames and the worst one, truth beside predictions and their errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

ERROR_GAIN = 4
"""Factor on the absolute error in the sheet."""
_GAP, _HEADER, _SIDE = 4, 22, 92
_INK, _PAPER, _ALARM = (20, 20, 20), (255, 255, 255), (214, 40, 40)


@dataclass(frozen=True, kw_only=True)
class _Row:
    t: int
    truth: np.ndarray
    predicted: dict[str, np.ndarray]
    errors: dict[str, np.ndarray]


class SheetBuilder:
    """Keeps thumbnails of the few frames that the sheet shows."""

    def __init__(self, names: Sequence[str], num_frames: int, *, rows: int = 6, cell: int = 200) -> None:
        """``rows``: evenly spaced frames; ``cell``: longest side of a thumbnail, pixels."""
        self._names = tuple(names)
        self._cell = cell
        self._wanted = set(np.linspace(0, num_frames - 1, min(rows, num_frames)).round().astype(int).tolist())
        self._even: list[_Row] = []
        self._worst: dict[str, _Row] = {}

    def add(self, t: int, truth: np.ndarray, predicted: Mapping[str, np.ndarray], is_worst: Mapping[str, bool]) -> None:
        """Take frame ``t``: u8 ``[H, W, 3]`` pictures, and which predictions are at their worst so far."""
        if t not in self._wanted and not any(is_worst.values()):
            return
        errors = {name: np.abs(p.astype(np.int16) - truth) * ERROR_GAIN for name, p in predicted.items()}
        row = _Row(
            t=t,
            truth=self._small(truth),
            predicted={name: self._small(picture) for name, picture in predicted.items()},
            errors={name: self._small(error.clip(0, 255).astype(np.uint8)) for name, error in errors.items()},
        )
        if t in self._wanted:
            self._even.append(row)
        for name, worst in is_worst.items():
            if worst:
                self._worst[name] = row

    def draw(self, psnr: Mapping[str, Sequence[float]]) -> np.ndarray:
        """The sheet, u8 ``[H, W, 3]``; ``psnr`` holds the PSNR per frame of every prediction."""
        from PIL import Image, ImageDraw

        rows = {row.t: row for row in self._even} | {row.t: row for row in self._worst.values()}
        rows = [rows[t] for t in sorted(rows)]
        height, width = rows[0].truth.shape[:2]
        titles = ["truth", *(title for name in self._names for title in (name, f"error x{ERROR_GAIN}"))]
        size = (_SIDE + len(titles) * (width + _GAP), _HEADER + len(rows) * (height + _GAP))
        sheet = Image.new("RGB", size, _PAPER)
        pen = ImageDraw.Draw(sheet)
        for column, title in enumerate(titles):
            pen.text((_SIDE + column * (width + _GAP) + 2, 5), title, fill=_INK)
        for index, row in enumerate(rows):
            top = _HEADER + index * (height + _GAP)
            pen.text((4, top + 4), f"frame {row.t}", fill=_INK)
            for line, name in enumerate(self._names):
                worst = self._worst[name].t == row.t
                text = f"{psnr[name][row.t]:.2f} dB" + (" worst" if worst else "")
                pen.text((4, top + 22 + 16 * line), text, fill=_ALARM if worst else _INK)
            cells = [row.truth, *(cell for name in self._names for cell in (row.predicted[name], row.errors[name]))]
            for column, picture in enumerate(cells):
                sheet.paste(Image.fromarray(picture), (_SIDE + column * (width + _GAP), top))
            for number, name in enumerate(self._names):
                if self._worst[name].t == row.t:
                    left = _SIDE + (1 + 2 * number) * (width + _GAP)
                    pen.rectangle([left - 2, top - 2, left + 2 * width + _GAP + 1, top + height + 1], None, _ALARM, 2)
        return np.asarray(sheet)

    def _small(self, picture: np.ndarray) -> np.ndarray:
        from PIL import Image

        height, width = picture.shape[:2]
        factor = min(1.0, self._cell / max(height, width))
        size = max(1, round(width * factor)), max(1, round(height * factor))
        return np.asarray(Image.fromarray(np.ascontiguousarray(picture)).resize(size, Image.Resampling.BOX))
