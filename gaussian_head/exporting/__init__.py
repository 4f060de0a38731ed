"""A head for other programs: what moves it, and every format it can be written in."""

from .driving import chosen_frames as chosen_frames
from .driving import driving_motion as driving_motion
from .driving import rest_moment as rest_moment
from .formats import FORMATS as FORMATS
from .formats import ExportOptions as ExportOptions
from .formats import export as export
