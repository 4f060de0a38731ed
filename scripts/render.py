"""`python scripts/render.py …`: the same as `gaussian-head render …`."""

from gaussian_head.cli import run_verb

if __name__ == "__main__":
    run_verb("render")
