"""A head's look changed by painted pictures of it, or by name; how it moves stays."""

from .apply import EditConfig as EditConfig
from .apply import edit_head as edit_head
from .choosing import frame_to_paint as frame_to_paint
from .difference import Canvas as Canvas
from .difference import Painted as Painted
from .difference import canvas_of as canvas_of
from .difference import changes as changes
from .difference import read_painted as read_painted
from .recolour import REGIONS as REGIONS
from .recolour import Recolour as Recolour
from .recolour import recoloured as recoloured
