"""Frames that carry their number, and beeps that carry their time."""

import numpy as np

FPS, BEEP_EVERY, RATE = 25.0, 10, 16000


def numbered(k: int, width: int = 256, height: int = 128) -> np.ndarray:
    """A frame whose top quarter spells ``k`` in eight black or white blocks."""
    frame = np.full((height, width, 3), (200, 60, 30), np.uint8)
    for bit in range(8):
        frame[: height // 4, bit * width // 8 : (bit + 1) * width // 8] = 255 * (k >> bit & 1)
    return frame


def number_of(frame: np.ndarray) -> int:
    height, width = frame.shape[:2]
    row = frame[height // 8].mean(-1)
    return sum(int(row[(2 * bit + 1) * width // 16] > 128) << bit for bit in range(8))


def beeps(seconds: float, rate: int = RATE, fps: float = FPS) -> np.ndarray:
    """A 10 ms beep at every tenth frame."""
    samples = np.zeros(round(seconds * rate), np.float32)
    tone = 0.8 * np.sin(2 * np.pi * 1000 * np.arange(rate // 100) / rate)
    for start in np.arange(0, seconds, BEEP_EVERY / fps):
        at = round(start * rate)
        samples[at : at + len(tone)] = tone[: len(samples) - at]
    return samples
