"""The capture folder, version 2. Everything in it can be read without this project.

::

    capture.json           what the clip is: see CaptureInfo; "K" is the 3x3 pinhole matrix in pixels,
                           "num_train" the first held-out frame (frames num_train .. num_frames-1 are never
                           trained on), "bad_frames" the frames whose tracking was interpolated
    images/000000.jpg …    the picture, cropped to a square and scaled to width×height, RGB
    labels/000000.png …    one byte per pixel: 0 background, 1 torso (clothes, shoulders), 2 neck,
                           3 hair, ears and the rest of the head, 4 face, 5 mouth interior
    alpha/000000.png …     one byte per pixel: soft matte of the person, 255 inside
    background.png         what stands behind the person, from the training frames
    audio.wav              16 kHz mono PCM, already shifted so that sample i belongs to picture time i/16000 s;
                           absent where "has_audio" is false
    tracking.safetensors   arrays over the N frames, L = 478 MediaPipe face landmarks, K numbers of inner code:
        landmarks        [N, L, 2] f32  pixels, top left corner of the picture = (0, 0), pixel centres at halves
        head_quats       [N, 4] f32     rotation of T_world_head, w x y z
        head_positions   [N, 3] f32     translation of T_world_head, metres
        torso_quats, torso_positions    the same for the torso; equal to the head's at the rest pose
        units            [N, 52] f32    ARKit units in alphabetical order, 0 the neutral face, 1 a full excursion
        gaze             [N, 2] f32     radians that the eyes turn: to the picture's right, down
        residual         [N, K] f32     what units and gaze leave of this face's inner code; names in "code"
        code_weights     [54, K] f32    code per unit and per radian of gaze
        code_bias        [K] f32        code of the neutral face
        code_bounds      [2, K] f32     least and greatest code that units and gaze ask for
        shape            [L, 3] f32     face with code 0 in the head frame, metres
        basis            [K, L, 3] f32  metres per unit of the code
        triangles        [F, 3] i32     the face mesh, counter-clockwise seen from outside
        reprojection     [N] f32        mean distance of detected and projected landmarks, pixels
        tracked          [N] u8         1 where a face was found
    arkit.csv              the face's 52 ARKit units, gaze and head turns, as Live Link Face writes takes; may be absent
    report.json, report.png   the quality report

The world is the recording camera: +x right, +y down, +z forward, camera at the origin. The head frame has its
origin between the ears, +x to the picture's right, +y down and +z into the skull. A vertex in frame t is
``R(head_quats[t]) @ (shape + Σ_k code[t, k] · basis[k]) + head_positions[t]`` with
``code[t] = clamp(code_bias + [units[t], gaze[t]] @ code_weights, code_bounds) + residual[t]``, its pixel
``K @ vertex`` divided by depth.
The scale in metres comes from an iris diameter of 11.7 mm.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ..checks import InputError, read_json, require_count, require_names, require_number
from ..motion import FASTEST, SLOWEST
from ..strict_json import config_from_json

FORMAT = "gaussian-head-capture"
VERSION = 2
UPGRADABLE = 1
"""Version of captures that `gaussian-head upgrade` brings to the present one."""
MOST_FRAMES, MOST_PIXELS = 10**7, 16384
"""A clip of more frames, or of wider or higher pictures, is taken for damaged."""
UNITS_FILE = "arkit.csv"
"""Name of the take inside a capture."""
LABEL_NAMES = ("background", "torso", "neck", "hair, ears and other head", "face", "mouth interior")
TENSORS = (
    "landmarks",
    "head_quats",
    "head_positions",
    "torso_quats",
    "torso_positions",
    "units",
    "gaze",
    "residual",
    "code_weights",
    "code_bias",
    "code_bounds",
    "shape",
    "basis",
    "triangles",
    "reprojection",
    "tracked",
)
"""Arrays that tracking.safetensors must hold."""


@dataclass(frozen=True, kw_only=True)
class CaptureInfo:
    """The contents of capture.json."""

    fps: float
    """Frames per second."""
    num_frames: int
    """Frames in all."""
    width: int
    """Picture width, pixels."""
    height: int
    """Picture height, pixels."""
    K: list[list[float]]
    """3x3 pinhole matrix in pixels."""
    num_train: int
    """Frames 0 .. num_train-1 may be trained on; the rest is held out."""
    source: dict[str, Any]
    """The video it came from: name, sha256 of the file, fps, width, height and crop [x0, y0, size] in its pixels."""
    has_audio: bool
    """True where audio.wav exists."""
    audio_offset: float
    """Seconds by which the sound came late in the video; already corrected in audio.wav."""
    code: list[str]
    """Names of the K numbers of inner code."""
    bad_frames: list[int] = field(default_factory=list)
    """Frames without a tracked face, poses interpolated; neither trained nor tested on."""
    label_names: dict[str, str] = field(default_factory=lambda: {str(i): name for i, name in enumerate(LABEL_NAMES)})
    """Meaning of each value in labels/."""
    labels: str = "landmarks and colour"
    """How the part labels were made."""

    def to_json(self) -> str:
        """The text of capture.json."""
        return json.dumps({"format": FORMAT, "version": VERSION, **asdict(self)}, indent=1)

    @staticmethod
    def read(where: Path) -> CaptureInfo:
        """Read capture.json; InputError on anything but this version of this format and numbers of a clip."""
        values = read_json(where, "capture description")
        if not isinstance(values, dict) or values.pop("format", None) != FORMAT:
            raise InputError(f'{where} does not say "format": "{FORMAT}"; a folder made by tracking was wanted.')
        version = values.pop("version", None)
        if version == UPGRADABLE:
            raise InputError(
                f"{where} has version {version}, which tells the face in a code of its own; `gaussian-head upgrade "
                f"{where.parent}` brings it to version {VERSION} without tracking again."
            )
        if version != VERSION:
            raise InputError(
                f"{where} has version {version!r} but this program reads version {VERSION};"
                " track the video again or install the matching release."
            )
        known = {f.name for f in fields(CaptureInfo)}
        if set(values) != known:
            raise InputError(
                f"{where} lacks {sorted(known - set(values))} and has unknown {sorted(set(values) - known)};"
                " track the video again."
            )
        try:
            info = config_from_json(CaptureInfo, values, where="it")
            info.require_sane()
        except InputError as error:
            raise InputError(f"{where}: {error} Track the video again.") from error
        return info

    def require_sane(self) -> None:
        """InputError unless the numbers can be those of a clip."""
        require_number(self.fps, "fps", least=SLOWEST, most=FASTEST)
        require_count(self.num_frames, "num_frames", least=1, most=MOST_FRAMES)
        require_count(self.num_train, "num_train", most=self.num_frames)
        for name in ("width", "height"):
            require_count(getattr(self, name), name, least=1, most=MOST_PIXELS)
        require_number(self.audio_offset, "audio_offset", least=-1e6, most=1e6)
        require_names(self.code, "code")
        for t in self.bad_frames:
            require_count(t, "one of bad_frames", most=self.num_frames - 1)
        if [len(row) for row in self.K] != [3, 3, 3]:
            raise InputError(f"K has rows of {[len(row) for row in self.K]} numbers; 3 rows of 3 were wanted.")
        for row in self.K:
            for number in row:
                require_number(number, "a number in K", least=-1e7, most=1e7)
        if not (self.K[0][0] > 0 and self.K[1][1] > 0):
            raise InputError(f"K has focal lengths {self.K[0][0]} and {self.K[1][1]}; positive ones were wanted.")


def image_name(t: int) -> str:
    """Path of frame ``t``'s picture inside the folder."""
    return f"images/{t:06d}.jpg"


def labels_name(t: int) -> str:
    """Path of frame ``t``'s part labels inside the folder."""
    return f"labels/{t:06d}.png"


def alpha_name(t: int) -> str:
    """Path of frame ``t``'s matte inside the folder."""
    return f"alpha/{t:06d}.png"
