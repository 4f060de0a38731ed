"""`python scripts/train.py …`: the same as `gaussian-head train …`."""

from gaussian_head.cli import run_verb

if __name__ == "__main__":
    run_verb("train")
