"""`python scripts/reconstruct.py …`: the same as `gaussian-head reconstruct …`."""

from gaussian_head.cli import run_verb

if __name__ == "__main__":
    run_verb("reconstruct")
