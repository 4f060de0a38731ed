"""`python scripts/edit.py …`: the same as `gaussian-head edit …`."""

from gaussian_head.cli import run_verb

if __name__ == "__main__":
    run_verb("edit")
