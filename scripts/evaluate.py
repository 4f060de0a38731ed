"""`python scripts/evaluate.py …`: the same as `gaussian-head evaluate …`."""

from gaussian_head.cli import run_verb

if __name__ == "__main__":
    run_verb("evaluate")
