"""Learn what the 52 units do at the landmarks from captures of many people (see gaussian_head/face/LICENSE.md)."""

from pathlib import Path

import tyro

from gaussian_head import Capture
from gaussian_head.tracking.learnt_units import learn_correction, write_correction
from gaussian_head.tracking.unit_rows import CORRECTION
from gaussian_head.verbs.bars import drawing


def main(captures: tyro.conf.Positional[tuple[Path, ...]], out: Path = CORRECTION) -> None:
    """Write the table that `units_of` reads.

    Args:
        captures: Folders that `track` wrote, a dozen people or more.
        out: File to write.
    """
    with drawing() as listener:
        table = learn_correction([Capture.load(folder) for folder in captures], listener=listener)
    write_correction(out, table, [folder.name for folder in captures])
    print(f"units: {out}")


if __name__ == "__main__":
    tyro.cli(main)
