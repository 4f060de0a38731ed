"""A head that answers in real time: a library, and a server with its page."""

from .talker import LiveFrame as LiveFrame
from .talker import Moment as Moment
from .talker import Talker as Talker
