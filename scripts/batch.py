"""`python scripts/batch.py …`: the same as `gaussian-head batch …`."""

from gaussian_head.cli import run_verb

if __name__ == "__main__":
    run_verb("batch")
