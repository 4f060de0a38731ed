"""A picture laid on a mesh, as the meshes of other programs carry it."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import numpy as np

JPEG_QUALITY = 93


@dataclass(frozen=True, kw_only=True)
class Texture:
    """A picture on a mesh of L vertices; a vertex where pieces of the picture meet stands once for each of them."""

    source: np.ndarray
    """``[V]`` int64, which of the L vertices each textured one is."""
    triangles: np.ndarray
    """``[F, 3]`` int64 rows of ``source``, the mesh's triangles in their order."""
    uvs: np.ndarray
    """``[V, 2]`` f32 in [0, 1] from the picture's left and bottom."""
    picture: np.ndarray
    """``[H, W, 3]`` u8."""

    def jpeg(self) -> bytes:
        """The picture as a JPEG file."""
        from PIL import Image

        file = BytesIO()
        Image.fromarray(self.picture).save(file, "JPEG", quality=JPEG_QUALITY, subsampling=0)
        return file.getvalue()
