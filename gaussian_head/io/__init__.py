"""Files that other programs read and write."""

from .compressed_ply import read_compressed_ply as read_compressed_ply
from .compressed_ply import write_compressed_ply as write_compressed_ply
from .gltf import write_animated_glb as write_animated_glb
from .mesh import write_mesh as write_mesh
from .motion_file import read_motion as read_motion
from .motion_file import write_motion as write_motion
from .ply import read_ply as read_ply
from .ply import write_ply as write_ply
from .reading import SPLATS as SPLATS
from .reading import read_gaussians as read_gaussians
from .sequence import sequence_folder as sequence_folder
from .splat import read_splat as read_splat
from .splat import write_splat as write_splat
from .spz import read_spz as read_spz
from .spz import write_spz as write_spz
from .transforms_json import write_transforms as write_transforms
