"""One person's processed clip on disk: pictures, masks, camera, tracked Motion, sound and a quality report."""

from .capture import CACHE_BYTES as CACHE_BYTES
from .capture import Capture as Capture
from .capture import CaptureFrame as CaptureFrame
from .capture import FaceShape as FaceShape
from .capture import read_tracking as read_tracking
from .identity import capture_of as capture_of
from .identity import clip_identity as clip_identity
from .identity import is_capture_of as is_capture_of
from .identity import require_source as require_source
from .layout import LABEL_NAMES as LABEL_NAMES
from .layout import UNITS_FILE as UNITS_FILE
from .layout import CaptureInfo as CaptureInfo
from .rigs import read_cameras as read_cameras
from .splits import SPLITS as SPLITS
from .splits import Split as Split
from .splits import turns as turns
from .views import CaptureView as CaptureView
from .views import ViewInfo as ViewInfo
from .views import camera_name as camera_name
from .views import views_of as views_of
from .writer import CaptureWriter as CaptureWriter
from .writer import require_place as require_place
