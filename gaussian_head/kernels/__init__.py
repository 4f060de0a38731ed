"""The one door to the compiled extension: what can run where, and calls with tensors."""

from ._device import CPU as CPU
from ._device import device_named as device_named
from ._device import drawing_device as drawing_device
from ._device import drawing_on as drawing_on
from ._device import why_no_cuda as why_no_cuda
from ._door import call as call
from ._door import compiled as compiled
from ._door import covers as covers
from ._door import lane as lane
from ._door import made as made
from ._door import on as on
from ._door import view as view
