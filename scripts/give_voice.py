"""`python scripts/give_voice.py …`: the same as `gaussian-head voice …`."""

from gaussian_head.cli import run_verb

if __name__ == "__main__":
    run_verb("voice")
