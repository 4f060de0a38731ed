"""Make up people with known truth: a talking clip of each, and what it did in every frame."""

from pathlib import Path

import tyro

from gaussian_head.demo.population import make_person_clip
from gaussian_head.verbs.bars import drawing


def main(out: Path, people: int = 20, first: int = 0, seconds: float = 4.0, fps: float = 25.0, size: int = 512) -> None:
    """Write ``person_N.mp4`` and ``person_N.safetensors`` of each person.

    Args:
        out: Folder to write to.
        people: How many.
        first: Number of the first person; a number is a person.
        seconds: Length of each clip.
        fps: Frames per second.
        size: Width and height in pixels.
    """
    with drawing() as listener:
        for seed in range(first, first + people):
            make_person_clip(out, seed=seed, seconds=seconds, fps=fps, size=size, listener=listener)
    print(f"people: {out}")


if __name__ == "__main__":
    tyro.cli(main)
