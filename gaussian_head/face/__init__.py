from .model import JOINTS as JOINTS
from .model import REGIONS as REGIONS
from .model import FaceModel as FaceModel
from .units import UNITS as UNITS
from .units import mirrored as mirrored
