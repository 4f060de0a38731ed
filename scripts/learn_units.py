"""Learn what the 52 units do at the landmarks, from captures of people; pictures of made-up ones may go before."""

from pathlib import Path

import tyro

from gaussian_head import Capture
from gaussian_head.tracking.learnt_units import learn_correction, write_correction
from gaussian_head.tracking.rendered_units import pictures_of_people
from gaussian_head.tracking.unit_rows import CORRECTION
from gaussian_head.verbs.bars import drawing


def main(
    captures: tyro.conf.Positional[tuple[Path, ...]], out: Path = CORRECTION, people: int = 0, pictures: int = 18
) -> None:
    """Write the table that `units_of` reads (see gaussian_head/face/LICENSE.md).

    Args:
        captures: Folders that `track` wrote, a dozen people or more.
        out: File to write.
        people: Made-up people to learn from first; the shipped table has none.
        pictures: Of each of them.
    """
    with drawing() as listener:
        drawn = pictures_of_people(people=people, pictures=pictures, seed=1, listener=listener) if people else ()
        table = learn_correction([Capture.load(folder) for folder in captures], pictures=drawn, listener=listener)
    write_correction(out, table, [folder.name for folder in captures])
    print(f"units: {out}")


if __name__ == "__main__":
    tyro.cli(main)
