"""`python scripts/export.py …`: the same as `gaussian-head export …`."""

from gaussian_head.cli import run_verb

if __name__ == "__main__":
    run_verb("export")
