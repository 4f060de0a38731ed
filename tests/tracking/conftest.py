"""A real face without footage: the public-domain portrait that scikit-image carries."""

import numpy as np
import pytest


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
