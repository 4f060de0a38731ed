"""Gaussians seen by cameras: frames, camera paths and video."""

from ._path import CameraPath as CameraPath
from .backdrop import backdrop as backdrop
from .ends import with_soft_ends as with_soft_ends
from .follow import follow_capture as follow_capture
from .frames import for_every_side as for_every_side
from .frames import render_frame as render_frame
from .frames import render_gaussians as render_gaussians
from .framing import fit_background as fit_background
from .framing import framed as framed
from .framing import picture_size as picture_size
from .keyframes import key_times as key_times
from .keyframes import load_path as load_path
from .keyframes import save_path as save_path
from .paths import PATHS as PATHS
from .paths import camera_path as camera_path
from .paths import dolly_view as dolly_view
from .paths import front as front
from .paths import orbit as orbit
from .paths import orbit_view as orbit_view
from .pixels import to_rgba8 as to_rgba8
from .pixels import to_uint8 as to_uint8
from .video import render_video as render_video
