"""`python scripts/demo.py …`: the same as `gaussian-head demo …`."""

from gaussian_head.cli import demo, run_verb

if __name__ == "__main__":
    run_verb(demo)
