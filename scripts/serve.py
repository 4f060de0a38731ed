"""`python scripts/serve.py …`: the same as `gaussian-head serve …`."""

from gaussian_head.cli import run_verb

if __name__ == "__main__":
    run_verb("serve")
