"""Look at heads in the browser: turn them, play them, give them a voice and pull their faces.

The pure parts (``clock``, ``pacing``, ``scheduler``, ``edits``, ``pictures``, ``views``) know nothing of the
browser; ``bridge`` and ``tabs`` speak to it, ``worker`` renders, ``app`` wires them together.
"""

from .app import ViewerHandle as ViewerHandle
from .app import serve as serve
from .live import LiveView as LiveView
