"""A trained head against frames that it never saw, and against the subject itself where that is known."""

from .held_out import evaluate as evaluate
from .held_out import held_out_motions as held_out_motions
from .known_truth import find_truth as find_truth
from .known_truth import measure_geometry as measure_geometry
