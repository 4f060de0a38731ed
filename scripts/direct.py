"""`python scripts/direct.py …`: the same as `gaussian-head direct …`."""

from gaussian_head.cli import run_verb

if __name__ == "__main__":
    run_verb("direct")
