"""`python scripts/view.py …`: the same as `gaussian-head view …`."""

from gaussian_head.cli import run_verb

if __name__ == "__main__":
    run_verb("view")
