"""`python scripts/demo.py …`: the same as `gaussian-head demo …`."""

from gaussian_head.cli import run_verb

if __name__ == "__main__":
    run_verb("demo")
