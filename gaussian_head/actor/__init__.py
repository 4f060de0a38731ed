"""Who performs: a head, the clip it was captured in, and its voice; and how they speak."""

from ._actor import Actor as Actor
from ._cameras import behind_of as behind_of
from ._cameras import recorded_views as recorded_views
from ._clip import Clip as Clip
from .directing import Direction as Direction
from .directing import attend as attend
from .directing import perform as perform
from .directing import replay as replay
from .feeling import in_mood as in_mood
from .speak import captured_sound as captured_sound
from .speak import lent as lent
from .speak import posed as posed
from .speak import posed_like as posed_like
from .speak import speak as speak
