"""The prior over people: lips for anybody from any voice."""

from .mouth import MOUTH as MOUTH
from .prior import VoicePrior as VoicePrior
