"""Learn where tracked landmarks lie beside the parametric head's, from captures of made-up people with known truth."""

from pathlib import Path

import tyro

from gaussian_head import Capture
from gaussian_head.demo.population import PersonTruth
from gaussian_head.face.fitting import OFFSETS
from gaussian_head.tracking.learnt_offsets import learn_offsets, write_offsets


def main(work: Path, out: Path = OFFSETS, first: int = 2000, people: int = 8) -> None:
    """Write the table that `fit_identity` is given by tracking and where heads begin.

    Args:
        work: Folder with ``person_N.safetensors`` of `scripts/population.py` and captures ``cap_N`` of their videos.
        out: File to write.
        first: Number of the first person; those of `scripts/track_population.py` begin at 1000 and are left alone.
        people: How many.
    """
    numbers = range(first, first + people)
    truths = [PersonTruth.load(work / f"person_{n}.safetensors") for n in numbers]
    shapes = [Capture.load(work / f"cap_{n}").shape.vertices for n in numbers]
    table = learn_offsets(shapes, [truth.person.identity for truth in truths])
    write_offsets(out, table, [f"person {n}" for n in numbers])
    print(f"offsets: {out}")


if __name__ == "__main__":
    tyro.cli(main)
