"""From a video of one talking person to a Capture: landmarks, masks, bundle adjustment, torso, sound, report."""

from .pipeline import track as track
from .upgrade import upgrade as upgrade
