"""The only room that decodes or encodes: videos, sound and pictures."""

from .audio import read_audio as read_audio
from .audio import read_long_audio as read_long_audio
from .audio import read_recorded_audio as read_recorded_audio
from .audio import read_spoken_audio as read_spoken_audio
from .audio import write_audio as write_audio
from .carrying import Carried as Carried
from .formats import FORMATS as FORMATS
from .formats import video_format as video_format
from .image import read_image as read_image
from .image import resize_image as resize_image
from .image import write_image as write_image
from .joining import join_videos as join_videos
from .photograph import Photograph as Photograph
from .photograph import is_photograph as is_photograph
from .photograph import read_photograph as read_photograph
from .video import BadFrames as BadFrames
from .video import VideoInfo as VideoInfo
from .video import probe as probe
from .video import read_frames as read_frames
from .writer import VideoWriter as VideoWriter
