"""The texture atlas: enlarged photo layers, hair baked around the head, and painted eyes, teeth and mouth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from ..smoothing import smoothstep

ATLAS_WIDTH = 2048


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One picture of the atlas and how texture coordinates map into it."""

    image: np.ndarray
    """``[h, w, 3]`` f32 0..255."""
    offset: tuple[float, float] = (0.0, 0.0)
    """Texture coordinate of the tile's left upper corner."""
    scale: tuple[float, float] | None = None
    """Tile pixels per unit of texture coordinate; None where coordinates run 0..1 over the tile."""

    def pixels(self, uv: np.ndarray) -> np.ndarray:
        """Tile pixels ``[V, 2]`` of texture coordinates, kept off the border."""
        size = np.array(self.image.shape[1::-1], float)
        scale = size if self.scale is None else np.array(self.scale)
        return np.clip((uv - np.array(self.offset)) * scale, 1.5, size - 1.5)


def pack(tiles: list[Tile]) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Stack tiles on shelves; returns the atlas ``[H, W, 3]`` u8 and each tile's left upper corner."""
    x = y = shelf = 0
    corners = []
    for tile in tiles:
        height, width = tile.image.shape[:2]
        if x + width > ATLAS_WIDTH:
            x, y, shelf = 0, y + shelf, 0
        corners.append((x, y))
        x, shelf = x + width, max(shelf, height)
    atlas = np.zeros((y + shelf, ATLAS_WIDTH, 3), np.uint8)
    for tile, (x, y) in zip(tiles, corners, strict=True):
        height, width = tile.image.shape[:2]
        atlas[y : y + height, x : x + width] = np.clip(tile.image, 0, 255)
    return atlas, corners


def photo_tile(layer: np.ndarray, box: tuple[int, int, int, int], enlarge: int) -> Tile:
    """A window (left, top, right, bottom) of a photo layer, enlarged, sharpened and given fine grain."""
    import cv2

    left, top, right, bottom = box
    window = np.ascontiguousarray(layer[top:bottom, left:right])
    big = cv2.resize(window, None, fx=enlarge, fy=enlarge, interpolation=cv2.INTER_LANCZOS4).clip(0, 255)
    sharp = big + 0.8 * (big - cv2.GaussianBlur(big, (0, 0), enlarge * 0.7))
    grain = gaussian_filter(np.random.default_rng(1).normal(size=big.shape[:2]), 0.8)[..., None] * 5.0
    return Tile(image=np.clip(sharp + grain, 0, 255).astype(np.float32), offset=(left, top), scale=(enlarge, enlarge))


def sample(layer: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Bilinear colours ``[..., 3]`` of ``layer`` at pixel positions (centres at half integers)."""
    at = np.stack([y - 0.5, x - 0.5])
    return np.stack([map_coordinates(layer[..., k], at, order=1, mode="nearest") for k in range(3)], -1)


def shell_tile(head: np.ndarray, lattice: np.ndarray, upright: np.ndarray, rings: int, enlarge: int = 4) -> Tile:
    """Bake the hair shell: the photo where it faces the viewer, folded hair round the sides and back.

    Args:
        head: head layer ``[H, W, 3]``.
        lattice: shell points ``[2 * rings + 1, A, 3]`` in photo pixels.
        upright: ``[A]`` -1 chin .. 1 crown.
    """
    height, width = 512, 2048
    at = np.mgrid[0 : 2 * rings : complex(height), 0 : lattice.shape[1] - 1 : complex(width)]
    points = np.stack([map_coordinates(lattice[..., k], at, order=1, mode="nearest") for k in range(3)], -1)
    high = map_coordinates(upright, at[1:], order=1, mode="nearest")
    turn = at[0] / rings * 90.0
    photo = sample(head, points[..., 0], points[..., 1])
    hair = _folded_hair(head, lattice, at, turn, rings)
    sides = _smooth(turn, 58, 82) * _smooth(high, -0.35, -0.1)
    weight = np.maximum(sides, _smooth(turn, 95, 125) * _smooth(high, -0.9, -0.6))[..., None]
    shade = 1 - 0.25 * _smooth(turn, 90, 180) - 0.45 * _smooth(-high, 0.55, 0.9) * _smooth(turn, 4, 40)
    return Tile(image=(photo * (1 - weight) + hair * weight).astype(np.float32) * shade[..., None].astype(np.float32))


def _folded_hair(head: np.ndarray, lattice: np.ndarray, at: np.ndarray, turn: np.ndarray, rings: int) -> np.ndarray:
    """Hair colours found by walking to and fro over the band of hair that the photo shows, ``[h, w, 3]``."""
    rim, widest = lattice[0, :, :2], lattice[rings, :, :2]
    centre = widest.mean(0)
    angles = np.arctan2(widest[:, 1] - centre[1], widest[:, 0] - centre[0])
    tall = np.argsort(angles)
    column = np.interp(at[1], np.arange(len(angles)), np.unwrap(angles))
    lifted = np.where(np.sin(column) > -0.2, -np.abs(np.sin(column) * 0.8) - 0.25, np.sin(column))
    angle = np.arctan2(lifted, np.cos(column))
    order = angles[tall]
    outer = np.interp(angle, order, np.hypot(*(widest - centre).T)[tall], period=2 * np.pi) - 4.0
    inner = np.interp(angle, order, np.hypot(*(rim - centre).T)[tall], period=2 * np.pi) + 4.0
    band = np.maximum(outer - inner, 8.0)
    walk = (turn - 58) / 90 * 95.0
    fold = np.abs((walk + band) % (2 * band) - band)
    angle = angle + 0.10 * np.sin(turn / 23.0 + 3 * column)
    radius = outer - fold
    hair = sample(head, centre[0] + radius * np.cos(angle), centre[1] + radius * np.sin(angle))
    hair = gaussian_filter(hair, (7, 2, 0))
    rng = np.random.default_rng(3)
    strands = gaussian_filter(rng.normal(size=turn.shape), (14, 0.8)) * 5.5
    return hair * (1 + np.clip(strands, -1, 1) * 0.16)[..., None]


def eye_tile() -> Tile:
    """An eye seen from the front on a square of 24 photo pixels; the iris is 8.37 pixels wide."""
    size = 240
    y, x = (np.mgrid[:size, :size] + 0.5 - size / 2) / size * 24
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    rng = np.random.default_rng(5)
    fibres = gaussian_filter(rng.normal(size=720), 2, mode="wrap")[((angle + np.pi) / (2 * np.pi) * 719).astype(int)]
    white = np.array([222, 208, 200]) * (1 - 0.035 * np.clip(np.abs(x) - 4, 0, None))[..., None]
    iris = np.array([98, 74, 54]) * (0.95 + 0.35 * fibres + 0.10 * (radius - 2))[..., None]
    iris = iris * (1 - 0.55 * _smooth(radius, 3.5, 4.2))[..., None]
    image = white + _smooth(-radius, -4.3, -4.0)[..., None] * (iris - white)
    image = image * (1 - 0.93 * _smooth(-radius, -1.75, -1.45))[..., None]
    glint = np.exp(-((x + 0.9) ** 2 + (y + 1.1) ** 2) / 0.35)[..., None]
    image = image * (1 - 0.42 * _smooth(-y, 0.8, 3.6))[..., None]
    return Tile(image=(image + glint * (255 - image)).astype(np.float32))


def teeth_tile(widths: tuple[float, ...]) -> Tile:
    """A row of teeth, biting edge at the top, gum below; ``widths`` run from the middle outwards."""
    height, width = 128, 640
    down, across = np.mgrid[:height, :width]
    down, across = (down + 0.5) / height, np.abs((across + 0.5) / width * 2 - 1)
    edges = np.concatenate([[0], np.cumsum(widths)]) / sum(widths)
    which = np.clip(np.searchsorted(edges, across) - 1, 0, len(widths) - 1)
    inside = (across - edges[which]) / (edges[which + 1] - edges[which])
    bulge = 1 - np.abs(2 * inside - 1) ** 6
    light = (0.62 + 0.38 * bulge) * (1 - 0.62 * across**1.5) * (0.86 + 0.2 * np.sqrt(down))
    tooth = np.array([240, 224, 200]) * light[..., None]
    gum = np.array([168, 88, 86]) * (0.9 * (1 - 0.6 * across) * (1.25 - 0.45 * down))[..., None]
    line = 0.66 + 0.10 * np.abs(2 * inside - 1) ** 2
    image = tooth + _smooth(down, line - 0.02, line + 0.03)[..., None] * (gum - tooth)
    bite = _smooth(np.abs(2 * inside - 1), 0.80, 1.0) * _smooth(-down, -0.16, -0.02)
    return Tile(image=(image * (1 - 0.8 * bite[..., None])).astype(np.float32))


def ramp_tile(stops: tuple[tuple[float, tuple[int, int, int]], ...]) -> Tile:
    """Colours running down the tile through ``stops`` of (position 0..1, RGB)."""
    at = np.linspace(0, 1, 64)
    places, colours = [s[0] for s in stops], np.array([s[1] for s in stops], float)
    column = np.stack([np.interp(at, places, colours[:, k]) for k in range(3)], -1)
    return Tile(image=np.repeat(column[:, None], 32, 1).astype(np.float32))


def _smooth(value: np.ndarray, low: float | np.ndarray, high: float | np.ndarray) -> np.ndarray:
    """0 below ``low``, 1 above ``high``, smooth between."""
    return smoothstep(np.clip((value - low) / (high - low), 0, 1))
