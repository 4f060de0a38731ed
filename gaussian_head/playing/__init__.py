"""A head on stage: what is played, edited, styled and seen, whoever shows it; nothing in here knows of a browser."""

from .clock import Playback as Playback
from .compare import RECORDED as RECORDED
from .compare import Versus as Versus
from .edits import Edits as Edits
from .keyframes import Keyframe as Keyframe
from .pacing import Pacer as Pacer
from .performances import NamedPerformance as NamedPerformance
from .performances import spoken as spoken
from .pictures import Look as Look
from .player import Player as Player
from .scheduler import Scheduler as Scheduler
from .shading import Legend as Legend
from .shelf import Shelf as Shelf
from .shelf import ShelvedHead as ShelvedHead
from .stage import Staged as Staged
from .stage import staged as staged
from .staging import Staging as Staging
from .views import View as View
