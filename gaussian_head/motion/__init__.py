"""Makers and editors of Motion; nothing here knows of Gaussians."""

from ._types import FASTEST as FASTEST
from ._types import LIP_CHANNELS as LIP_CHANNELS
from ._types import SEMANTIC_CHANNELS as SEMANTIC_CHANNELS
from ._types import SLOWEST as SLOWEST
from ._types import Motion as Motion
from ._types import MotionFrame as MotionFrame
from ._types import Pose as Pose
from ._types import basis_identity as basis_identity
from ._types import is_lip_channel as is_lip_channel
from .audio_model import AudioToMotion as AudioToMotion
from .drive import drive_by_audio as drive_by_audio
from .from_audio import train_audio_to_motion as train_audio_to_motion
from .from_video import at_home as at_home
from .from_video import retarget as retarget
from .idle import blinks as blinks
from .idle import loop_poses as loop_poses
from .performance import Performance as Performance
