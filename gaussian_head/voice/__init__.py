"""The prior over people: lips for anybody from any voice."""

from .blended import BlendedVoice as BlendedVoice
from .causal import CausalVoice as CausalVoice
from .mouth import MOUTH as MOUTH
from .own import OwnVoice as OwnVoice
from .own import learn_own as learn_own
from .prior import VoicePrior as VoicePrior
from .prior import usual_prior as usual_prior
from .variety import Variety as Variety
