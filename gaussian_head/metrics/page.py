"""The report as one self-contained HTML page: tables, plots drawn as SVG, the contact sheet inline."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from .regions import REGIONS
from .report import PredictionScores, Report, unsteady_picture

_COLOURS = ("#1b6ca8", "#d1495b", "#2e933c", "#8e44ad", "#e08e0b")
_TRUTH = "#222222"
_OTHER = (
    "FLIP",
    "MS-SSIM",
    "LPIPS",
    "head composited",
    "identity",
    "flicker",
    "truth's",
    "variance where still, over truth's",
    "of the head",
    "outline px",
)
_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 1080px; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; margin: .6rem 0 1.4rem; } th, td { padding: .25rem .8rem; text-align: right; }
th:first-child, td:first-child { text-align: left; } tr { border-bottom: 1px solid #ddd; }
img, svg { max-width: 100%; height: auto; } dt { font-weight: 600; } dd { margin: 0 0 .5rem 1rem; }
"""


def html_page(report: Report) -> str:
    """The page of ``report``; it loads nothing from elsewhere."""
    curves = {p.name: p.psnr_per_frame for p in report.shown}
    parts = [
        f"<h1>Evaluation: {escape(report.split)}</h1>",
        f"<p>{report.num_frames} frames of {report.width}x{report.height} at {report.fps:g} fps.</p>",
        "<h2>Picture</h2>",
        _table(["", *(f"PSNR {name}" for name in REGIONS)], _region_rows(report, "psnr", ".2f")),
        _table(["", *(f"SSIM {name}" for name in REGIONS)], _region_rows(report, "ssim", ".4f")),
        _table(["", *_OTHER], map(_other_row, report.predictions)),
        _plot("PSNR per frame, dB", curves, report.fps),
    ]
    if report.opening_truth:
        openings = {"truth": report.opening_truth} | {p.name: p.opening_per_frame for p in report.shown}
        header = ["", "LMD px", "uncentred", "opening r", "width r", "lag ms", "MTM ms", "open in silence", "unclosed"]
        header += ["readability", "sync ms", "confidence"]
        parts += [
            "<h2>Lips</h2>",
            _table([*header, "SLCC", "truth's"], map(_lip_row, report.predictions)),
            _plot("Mouth opening over eye distance", openings, report.fps),
        ]
    parts += _silence(report) + _geometry(report) + _unsteady(report)
    parts += ["<h2>Frames</h2>", f'<img alt="contact sheet" src="data:image/png;base64,{_png(report.sheet)}">']
    words = "".join(f"<dt>{escape(key)}</dt><dd>{escape(text)}</dd>" for key, text in report.protocol.items())
    parts += ["<h2>Protocol</h2>", f"<dl>{words}</dl>"]
    head = f'<meta charset="utf-8"><title>Evaluation</title><style>{_STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>\n' + "\n".join(parts) + "\n</body></html>\n"


def _silence(report: Report) -> list[str]:
    s = report.silence
    if s is None or s.frames == 0:
        return []
    text = (
        f"Driven by the sound of its whole clip, the head closes its mouth in {s.closed:.1%} of {s.frames} silent "
        f"frames; the recorded person in {_number(s.closed_truth, '.1%')}."
    )
    return [f"<p>{text}</p>"]


def _geometry(report: Report) -> list[str]:
    """The part about the demo subject, empty for anybody else."""
    g = report.geometry
    if g is None:
        return []
    header = ["camera turned by", "PSNR full", "head composited", "head", "depth mm", "outline IoU"]
    rows = [
        [
            f"{v.yaw_deg:+.0f} deg",
            *(_number(x, ".2f") for x in (v.psnr_full, v.psnr_head_composited, v.psnr_head, v.depth_mm)),
            _number(v.silhouette_iou, ".3f"),
        ]
        for v in g.views
    ]
    text = (
        f"Head rotation is off by {g.rotation_deg:.2f} degrees, position by {g.position_mm:.2f} mm, face vertices by "
        f"{g.vertices_mm:.2f} mm (means over held-out frames; size ratio {g.scale:.3f} taken out)."
    )
    return ["<h2>Against the known subject</h2>", _table(header, rows), f"<p>{text}</p>"]


def _unsteady(report: Report) -> list[str]:
    picture = unsteady_picture(report)
    if picture is None:
        return []
    names = ", ".join(escape(p.name) for p in report.shown if p.unsteady is not None)
    text = f"Grey levels by which pixels shake more than the truth's where it stands still (white 8 and more): {names}."
    return [
        "<h2>Steadiness</h2>",
        f"<p>{text}</p>",
        f'<img alt="unsteadiness" src="data:image/png;base64,{_png(picture)}">',
    ]


def _region_rows(report: Report, field: str, form: str) -> list[list[str]]:
    return [[p.name, *(_number(getattr(p.regions[name], field), form) for name in REGIONS)] for p in report.predictions]


def _other_row(p: PredictionScores) -> list[str]:
    outline = p.silhouette.pixels if p.silhouette else None
    values = ((p.flip, ".4f"), (p.ms_ssim, ".4f"), (p.lpips, ".4f"))
    values += ((p.lpips_head_composited, ".4f"), (p.identity, ".3f"), (p.flicker.predicted, ".2f"))
    values += ((p.flicker.truth, ".2f"), *((still.ratio, ".2f") for still in p.steadiness.values()), (outline, ".3f"))
    return [p.name, *(_number(value, form) for value, form in values)]


def _lip_row(p: PredictionScores) -> list[str]:
    s = p.lips
    if s is None:
        return [p.name]
    values = ((s.lmd, ".3f"), (s.lmd_uncentred, ".3f"), (s.opening_correlation, ".3f"), (s.width_correlation, ".3f"))
    values += ((s.opening_lag.seconds * 1000, ".0f"), (s.misalignment.seconds * 1000, ".0f"))
    values += ((s.closure.open_in_silence, ".1%"), (s.closure.unclosed, ".1%"), (s.slcc, ".2f"), (s.slcc_truth, ".2f"))
    judged = (p.sync.readability, p.sync.offset * 1000, p.sync.confidence) if p.sync else (None, None, None)
    cells = [*values[:-2], *zip(judged, (".2f", ".0f", ".2f"), strict=True), *values[-2:]]
    return [p.name, *(_number(value, form) for value, form in cells)]


def _number(value: float | None, form: str) -> str:
    return "n/a" if value is None or not math.isfinite(value) else format(value, form)


def _table(header: Sequence[str], rows) -> str:
    lines = ["<tr>" + "".join(f"<th>{escape(cell)}</th>" for cell in header) + "</tr>"]
    lines += ["<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows]
    return "<table>" + "".join(lines) + "</table>"


def _png(picture: np.ndarray) -> str:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def _plot(title: str, curves: Mapping[str, Sequence[float]], fps: float, width: int = 1000, height: int = 240) -> str:
    """Curves over seconds as an SVG; gaps where a value is missing."""
    finite = [value for curve in curves.values() for value in curve if math.isfinite(value)]
    if not finite:
        return ""
    low, high = min(finite), max(finite)
    low, high = (low - 1, high + 1) if high - low < 1e-9 else (low, high)
    left, right, top, bottom = 56, 24, 28, 26
    count = max(len(curve) for curve in curves.values())

    def x(t: float) -> float:
        return left + t / max(count - 1, 1) * (width - left - right)

    def y(value: float) -> float:
        return top + (high - value) / (high - low) * (height - top - bottom)

    shapes = [f'<text x="{left}" y="16" font-weight="600">{escape(title)}</text>']
    for value in np.linspace(low, high, 5):
        shapes.append(f'<line x1="{left}" x2="{width - right}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="#ddd"/>')
        shapes.append(f'<text x="{left - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.3g}</text>')
    for t in np.linspace(0, count - 1, 6):
        shapes.append(f'<text x="{x(t):.1f}" y="{height - 6}" text-anchor="middle">{t / fps:.1f} s</text>')
    colours = iter(_COLOURS * (1 + len(curves) // len(_COLOURS)))
    for number, (name, curve) in enumerate(curves.items()):
        colour = _TRUTH if name == "truth" else next(colours)
        pieces, pen_down = [], False
        for t, value in enumerate(curve):
            if math.isfinite(value):
                pieces.append(f"{'L' if pen_down else 'M'}{x(t):.1f} {y(value):.1f}")
            pen_down = math.isfinite(value)
        shapes.append(f'<path d="{" ".join(pieces)}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        place = width - right - 150 * (len(curves) - number)
        shapes.append(f'<text x="{place}" y="16" fill="{colour}">{escape(name)}</text>')
    return f'<svg viewBox="0 0 {width} {height}" font-size="12" role="img">{"".join(shapes)}</svg>'
