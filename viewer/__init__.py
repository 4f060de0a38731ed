"""Look at heads in the browser: turn them, play them, give them a voice and pull their faces.

What is played and seen is ``gaussian_head.playing``'s, which knows nothing of a browser. ``bridge`` and ``tabs`` speak
to one, ``worker`` renders for it, ``session`` holds what it sees, ``door`` lets it in, ``app`` wires them together.
"""

from .app import ViewerHandle as ViewerHandle
from .app import serve as serve
from .live import LiveView as LiveView
