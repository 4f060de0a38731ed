"""Makers and editors of Motion; nothing here knows of Gaussians."""

from ._code_map import CodeMap as CodeMap
from ._types import CONTROLS as CONTROLS
from ._types import FASTEST as FASTEST
from ._types import SLOWEST as SLOWEST
from ._types import Motion as Motion
from ._types import MotionFrame as MotionFrame
from ._types import Pose as Pose
from ._types import basis_identity as basis_identity
from .arkit import read_take as read_take
from .arkit import write_take as write_take
from .audio_model import AudioToMotion as AudioToMotion
from .blendshapes import is_blendshapes as is_blendshapes
from .blendshapes import motion_of_blendshapes as motion_of_blendshapes
from .drive import drive_by_audio as drive_by_audio
from .from_audio import train_audio_to_motion as train_audio_to_motion
from .from_video import retarget as retarget
from .idle import blinks as blinks
from .idle import loop_poses as loop_poses
from .performance import Performance as Performance
