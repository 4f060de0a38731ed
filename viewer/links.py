"""Where somebody stands, as the query of an address: ``?head=ada&yaw=20&pitch=-5&t=3.20``."""

from __future__ import annotations

import math
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode

from gaussian_head.head import Head
from gaussian_head.playing.views import View, bearing, recorded_fov

FARTHEST = 20.0
"""Distance, against the recording camera's, beyond which a link is held."""


@dataclass(frozen=True, kw_only=True)
class Link:
    """What an address asks for; None where it says nothing."""

    head: str | None = None
    """Name of the head."""
    performance: str | None = None
    """Name of the performance."""
    t: float | None = None
    """Seconds."""
    yaw: float | None = None
    """Degrees, 0 is the recording camera."""
    pitch: float | None = None
    """Degrees, 0 is the recording camera."""
    distance: float = 1.0
    """Distance from the head over that of the recording camera."""
    fov: float | None = None
    """Vertical field of view, degrees."""


def parse_link(query: str) -> Link:
    """The Link in an address's query; what cannot be understood is left out."""
    fields = {name: values[-1] for name, values in parse_qs(query.removeprefix("?"), max_num_fields=50).items()}
    distance = _number(fields, "distance", 0.05, FARTHEST)
    return Link(
        head=fields.get("head"),
        performance=fields.get("say"),
        t=_number(fields, "t", 0.0, 1e6),
        yaw=_number(fields, "yaw", -180.0, 180.0),
        pitch=_number(fields, "pitch", -89.0, 89.0),
        distance=1.0 if distance is None else distance,
        fov=_number(fields, "fov", 5.0, 120.0),
    )


def link_query(head_name: str, performance: str, view: View, head: Head) -> str:
    """The query that leads back to this view, without the time; a camera moved sideways is put straight."""
    yaw, pitch, distance = bearing(view, head)
    fields = {"head": head_name, "say": performance, "yaw": f"{yaw:.1f}", "pitch": f"{pitch:.1f}"}
    if abs(distance - 1) > 0.01:
        fields["distance"] = f"{distance:.2f}"
    if abs(view.fov - recorded_fov(head)) > 1e-3:
        fields["fov"] = f"{math.degrees(view.fov):.1f}"
    return urlencode(fields)


def _number(fields: dict[str, str], name: str, low: float, high: float) -> float | None:
    try:
        value = float(fields[name])
    except (KeyError, ValueError):
        return None
    return min(max(value, low), high) if math.isfinite(value) else None
