"""Differentiable rasterization of 3D Gaussians."""

from .api import available_backends as available_backends
from .api import rasterize as rasterize
from .output import RasterOutput as RasterOutput
from .strategy import gsplat_info as gsplat_info
from .strategy import gsplat_without_cuda as gsplat_without_cuda
from .view import rasterize_view as rasterize_view
