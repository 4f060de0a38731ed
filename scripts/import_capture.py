"""`python scripts/import_capture.py …`: the same as `gaussian-head import …`."""

from gaussian_head.cli import import_capture, run_verb

if __name__ == "__main__":
    run_verb(import_capture)
