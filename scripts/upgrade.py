"""`python scripts/upgrade.py …`: the same as `gaussian-head upgrade …`."""

from gaussian_head.cli import run_verb

if __name__ == "__main__":
    run_verb("upgrade")
