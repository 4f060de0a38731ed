"""How good a picture is, how well lips move, how steady a head stands."""

from .evaluate import evaluate_frames as evaluate_frames
from .flip import flip_map as flip_map
from .image import ms_ssim as ms_ssim
from .image import psnr as psnr
from .image import ssim as ssim
from .image import ssim_map as ssim_map
from .lips import LipScores as LipScores
from .lips import detect_landmarks as detect_landmarks
from .lips import lip_scores as lip_scores
from .lpips import Lpips as Lpips
from .motion import FlickerMeter as FlickerMeter
from .motion import SilhouetteMeter as SilhouetteMeter
from .motion import pose_jitter as pose_jitter
from .report import Report as Report
from .written import write_report as write_report
