"""Where the person is in a picture: MediaPipe's selfie segmentation net."""

from __future__ import annotations

import numpy as np

from ._net import Net


class PersonSegmenter:
    """Probability ``[H, W]`` f32 in [0, 1] that a pixel of u8 RGB ``[H, W, 3]`` shows the person."""

    def __init__(self) -> None:
        self._net = Net("selfie_segmentation.tflite")

    def __call__(self, image: np.ndarray) -> np.ndarray:
        import cv2

        size = self._net.shape[1:3]
        shrinking = max(image.shape[:2]) > max(size)
        small = cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR)
        (probability,) = self._net(small / np.float32(255))
        full = cv2.resize(probability.reshape(size), image.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        return np.clip(full, 0, 1)
