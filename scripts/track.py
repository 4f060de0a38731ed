"""`python scripts/track.py …`: the same as `gaussian-head track …`."""

from gaussian_head.cli import run_verb

if __name__ == "__main__":
    run_verb("track")
