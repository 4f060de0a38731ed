"""A real face without footage, the public-domain portrait that scikit-image carries; and footage, tracked once."""

from pathlib import Path

import numpy as np
import pytest

from gaussian_head.capture import Capture


@pytest.fixture(scope="session")
def german(footage: Path, tmp_path_factory: pytest.TempPathFactory) -> Capture:
    """Twenty seconds of somebody who taught the tables nothing, tracked."""
    from gaussian_head.tracking import track

    clip = footage / "clips" / "german.mp4"
    if not clip.is_file():
        pytest.skip(f"no {clip}")
    return track(clip, tmp_path_factory.mktemp("german") / "capture")


@pytest.fixture(scope="session")
def portrait() -> np.ndarray:
    """A portrait, u8 ``[400, 400, 3]``, with one face about 110 pixels wide."""
    from skimage import data

    return np.ascontiguousarray(data.astronaut()[0:400, 30:430])


@pytest.fixture(scope="session")
def portrait_landmarks(portrait) -> np.ndarray:
    """Landmarks of the portrait, ``[478, 3]`` pixels."""
    from gaussian_head.facenet import FaceDetector, LandmarkTracker

    return LandmarkTracker(FaceDetector()(portrait)[0])(portrait)


@pytest.fixture(scope="session")
def face(portrait_landmarks) -> np.ndarray:
    """The portrait's face in the head frame, ``[478, 3]`` metres."""
    from gaussian_head.tracking.initial import normalise

    return normalise(portrait_landmarks[None].repeat(3, axis=0), np.arange(3)).mean
