"""`python scripts/dub.py …`: the same as `gaussian-head dub …`."""

from gaussian_head.cli import run_verb

if __name__ == "__main__":
    run_verb("dub")
