"""Speech for silent lips: whose timing is read off the lips, and whose words come from a text or a list."""

from .aligning import Alignment as Alignment
from .aligning import align_to_lips as align_to_lips
from .opened import LipVoice as LipVoice
from .phoning import Word as Word
from .phoning import words_in_sound as words_in_sound
from .saying import ORDINARY as ORDINARY
from .saying import Choice as Choice
from .saying import choose as choose
from .saying import in_step as in_step
from .speaking import Spoken as Spoken
from .speaking import can_say as can_say
from .speaking import require_programs as require_programs
from .speaking import speak_text as speak_text
from .watching import read_text as read_text
from .watching import require_lips as require_lips
