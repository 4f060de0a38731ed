"""A head for other programs: what moves it, and every format it can be written in."""

from .driving import chosen_frames as chosen_frames
from .driving import driving_performance as driving_performance
from .formats import FORMATS as FORMATS
from .formats import ExportFormat as ExportFormat
from .formats import format_called as format_called
from .formats import format_of as format_of
from .formats import require_ending as require_ending
from .formats import write_material as write_material
from .material import Material as Material
from .material import Up as Up
