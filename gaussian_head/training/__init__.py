"""From a Capture to a Head: stages as data, one loop, losses as pure functions."""

from .config import PRESETS as PRESETS
from .config import Stage as Stage
from .config import TrainConfig as TrainConfig
from .config import preset_on as preset_on
from .observing import Observer as Observer
from .observing import StepDone as StepDone
from .observing import StepsDone as StepsDone
from .observing import StopTraining as StopTraining
from .overrides import overridden as overridden
from .pipeline import load_config as load_config
from .pipeline import require_free as require_free
from .pipeline import save_config as save_config
from .pipeline import train as train
from .planning import planned_core_seconds as planned_core_seconds
from .planning import planned_memory as planned_memory
from .tensorboard import TensorBoard as TensorBoard
