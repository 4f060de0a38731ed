"""The one door to the compiled extension: what can run where, and calls with tensors."""

from ._door import call as call
from ._door import compiled as compiled
from ._door import covers as covers
from ._door import lane as lane
from ._door import made as made
from ._door import on as on
from ._door import view as view
