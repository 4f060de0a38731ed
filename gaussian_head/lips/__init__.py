"""The judge: whether lips fit a sound, frame by frame; taught apart from whatever makes lips."""

from .judge import LipJudge as LipJudge
from .judge import SyncCurve as SyncCurve
