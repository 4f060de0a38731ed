"""Persistent Gaussians of one person and how Motion deforms them."""

from .branch import PARTS as PARTS
from .branch import Branch as Branch
from .branch import deform as deform
from .branch import rotate_sh1 as rotate_sh1
from .head import ASIDE_DEG as ASIDE_DEG
from .head import Head as Head
from .init import InitConfig as InitConfig
from .init import initial_head as initial_head
from .init import initial_parts as initial_parts
from .init import shown_count as shown_count
