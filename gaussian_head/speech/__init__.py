"""Speech features, and where the sound lies against the picture; nothing here knows of faces or Gaussians."""

from .encoders import ENCODERS as ENCODERS
from .encoders import SpeechFeatures as SpeechFeatures
from .encoders import encode_speech as encode_speech
from .encoders import feature_names as feature_names
from .encoders import speech_values as speech_values
from .frames import FEATURE_RATE as FEATURE_RATE
from .frames import SAMPLE_RATE as SAMPLE_RATE
from .mel import log_mel as log_mel
from .offset import OffsetEstimate as OffsetEstimate
from .offset import estimate_offset as estimate_offset
from .phones import phone_names as phone_names
from .phones import phone_posteriors as phone_posteriors
from .windows import at_frame_rate as at_frame_rate
