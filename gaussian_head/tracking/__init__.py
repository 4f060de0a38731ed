"""From a video of one talking person to a Capture: landmarks, masks, bundle adjustment, torso, sound, report."""

from .pipeline import track as track
from .several import camera_names as camera_names
from .several import track_several as track_several
from .upgrade import upgrade as upgrade
