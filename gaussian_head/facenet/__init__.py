"""The nets that look at faces: where they are, their 478 landmarks and 52 blendshapes, and the person's matte."""

from ._blendshapes import BLENDSHAPES as BLENDSHAPES
from ._blendshapes import Blendshapes as Blendshapes
from ._detector import FaceDetector as FaceDetector
from ._detector import Faces as Faces
from ._landmarks import FaceLandmarks as FaceLandmarks
from ._landmarks import LandmarkTracker as LandmarkTracker
from ._matte import PersonSegmenter as PersonSegmenter
from .mesh import NUM_LANDMARKS as NUM_LANDMARKS
from .mesh import NUM_MESH as NUM_MESH
from .mesh import eye_triangles as eye_triangles
from .mesh import mirror as mirror
from .mesh import triangles as triangles
