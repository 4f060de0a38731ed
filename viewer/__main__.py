"""`python -m viewer HEAD …`: the same as `gaussian-head view …`."""

from gaussian_head.cli import run_verb

run_verb("view")
