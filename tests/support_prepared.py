"""Writes frames with known truth as a folder preprocessed for AD-NeRF and its kin."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from gaussian_head.media import write_audio, write_image

COLOUR_OF = np.array([[255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 0], [0, 0, 255], [100, 100, 100]], np.uint8)
"""Parsing colour of every capture label."""


def make_prepared(folder: Path, clip, *, num_train: int | None = None) -> Path:
    """Write ``images, labels, rotations, positions`` (head to camera, OpenCV), ``plate, sound, focal`` of a clip.

    The first ``num_train`` frames are their training set, by default ten elevenths as their preprocessing splits.
    """
    (folder / "ori_imgs").mkdir(parents=True)
    (folder / "parsing").mkdir()
    frames = []
    for t, (image, labels) in enumerate(zip(clip.images, clip.labels, strict=True)):
        write_image(folder / "ori_imgs" / f"{t}.jpg", image)
        write_image(folder / "parsing" / f"{t}.png", COLOUR_OF[labels])
        pose = np.eye(4)
        pose[:3, :3] = clip.rotations[t].T @ np.diag([1, -1, -1])
        pose[:3, 3] = -clip.rotations[t].T @ clip.positions[t]
        frames.append({"img_id": t, "aud_id": t, "transform_matrix": pose.tolist()})
    height, width = clip.images[0].shape[:2]
    split = len(frames) * 10 // 11 if num_train is None else num_train
    for name, part in (("train", frames[:split]), ("val", frames[split:])):
        data = {"focal_len": clip.focal, "cx": width / 2, "cy": height / 2, "frames": part}
        (folder / f"transforms_{name}.json").write_text(json.dumps(data))
    write_image(folder / "bc.jpg", clip.plate)
    write_audio(folder / "aud.wav", clip.sound)
    return folder
