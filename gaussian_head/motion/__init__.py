"""Makers and editors of Motion; nothing here knows of Gaussians."""

from ._types import LIP_CHANNELS as LIP_CHANNELS
from ._types import SEMANTIC_CHANNELS as SEMANTIC_CHANNELS
from ._types import Motion as Motion
from ._types import MotionFrame as MotionFrame
from ._types import is_lip_channel as is_lip_channel
