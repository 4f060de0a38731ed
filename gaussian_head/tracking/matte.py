"""A soft matte of the person, steadied in time and snapped to picture edges."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator

import numpy as np

from ..capture import CaptureWriter
from ..facenet import PersonSegmenter


def mattes(images: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield each picture with its u8 matte, in order.

    The probability is averaged with both neighbours in time (1:2:1), which stills its flicker,
    before it is fitted to the edges of its own picture. Three pictures are held at a time.
    """
    segmenter = PersonSegmenter()
    previous: np.ndarray | None = None
    current: tuple[np.ndarray, np.ndarray] | None = None
    for image in images:
        following = segmenter(image)
        if current is not None:
            yield current[0], refine_matte(current[0], _steadied(previous, current[1], following))
            previous = current[1]
        current = (image, following)
    if current is not None:
        yield current[0], refine_matte(current[0], _steadied(previous, current[1], None))


class MatteThread:
    """Makes mattes and writes pictures while the caller finds landmarks."""

    def __init__(self, writer: CaptureWriter) -> None:
        self._writer = writer
        self._queue: queue.Queue[np.ndarray | None] = queue.Queue(maxsize=8)
        self._error: BaseException | None = None
        self._ended = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> MatteThread:
        self._thread.start()
        return self

    def put(self, image: np.ndarray) -> None:
        """Hand over the next frame; waits while eight are pending."""
        if self._error is not None:
            raise self._error
        self._queue.put(image)

    def __exit__(self, *_: object) -> None:
        self._queue.put(None)
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _images(self) -> Iterator[np.ndarray]:
        while not self._ended:
            image = self._queue.get()
            self._ended = image is None
            if image is not None:
                yield image

    def _run(self) -> None:
        try:
            for t, (image, matte) in enumerate(mattes(self._images())):
                self._writer.write_image(t, image)
                self._writer.write_alpha(t, matte)
        except BaseException as error:
            self._error = error
            for _ in self._images():  # so that nobody waits for room in the queue
                pass


def _steadied(before: np.ndarray | None, now: np.ndarray, after: np.ndarray | None) -> np.ndarray:
    return 0.5 * now + 0.25 * (now if before is None else before) + 0.25 * (now if after is None else after)


def refine_matte(image: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """u8 matte ``[H, W]`` whose edges follow those of the picture; only the largest connected person is kept."""
    import cv2

    radius = max(2, round(image.shape[1] / 85))
    refined = guided_filter(image, probability, radius=radius, eps=2e-4)
    solid = np.clip((refined - 0.12) / 0.76, 0, 1)
    count, parts, stats, _ = cv2.connectedComponentsWithStats((solid > 0.3).astype(np.uint8))
    if count > 2:
        largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
        near = cv2.dilate((parts == largest).astype(np.uint8), np.ones((5, 5), np.uint8))
        solid = solid * near
    holes = cv2.connectedComponentsWithStats((solid < 0.7).astype(np.uint8))
    for i in range(1, holes[0]):
        x, y, w, h, area = holes[2][i]
        inside = x > 0 and y > 0 and x + w < image.shape[1] and y + h < image.shape[0]
        if inside and area < 0.004 * solid.size:
            solid[holes[1] == i] = 1
    return np.round(solid * 255).astype(np.uint8)


def guided_filter(image: np.ndarray, values: np.ndarray, *, radius: int, eps: float, shrink: int = 2) -> np.ndarray:
    """Smooth ``values [H, W]`` f32 so that they follow the colour edges of u8 ``image [H, W, 3]``.

    Source: He & Sun, "Fast guided filter" (2015): the linear models are fitted on a picture
    ``shrink`` times smaller. ``radius`` is in pixels of the full picture, ``eps`` in squared colour.
    """
    import cv2

    height, width = values.shape
    size = (max(1, width // shrink), max(1, height // shrink))
    guide = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    target = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
    window = (2 * max(1, radius // shrink) + 1,) * 2

    def mean(x: np.ndarray) -> np.ndarray:
        return cv2.blur(x, window, borderType=cv2.BORDER_REFLECT)

    mean_guide, mean_target = mean(guide), mean(target)
    cross = mean(guide * target[..., None]) - mean_guide * mean_target[..., None]
    square = mean((guide[..., :, None] * guide[..., None, :]).reshape(*guide.shape[:2], 9)[..., [0, 1, 2, 4]])
    last = mean(np.stack([guide[..., 1] * guide[..., 2], guide[..., 2] ** 2], axis=-1))
    second = np.concatenate([square, last], axis=-1)
    index = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
    a, b, c, d, e, f = (
        second[..., n] - mean_guide[..., i] * mean_guide[..., j] + (eps if i == j else 0)
        for n, (i, j) in enumerate(index)
    )
    x, y, z = cross[..., 0], cross[..., 1], cross[..., 2]
    A, B, C = d * f - e * e, c * e - b * f, b * e - c * d
    determinant = a * A + b * B + c * C
    slope = np.stack(
        [
            (A * x + B * y + C * z) / determinant,
            (B * x + (a * f - c * c) * y + (b * c - a * e) * z) / determinant,
            (C * x + (b * c - a * e) * y + (a * d - b * b) * z) / determinant,
        ],
        axis=-1,
    )
    offset = mean_target - (slope * mean_guide).sum(-1)
    slope = cv2.resize(mean(slope), (width, height), interpolation=cv2.INTER_LINEAR)
    offset = cv2.resize(mean(offset), (width, height), interpolation=cv2.INTER_LINEAR)
    return (slope * (image.astype(np.float32) / 255)).sum(-1) + offset
