"""`python scripts/import_capture.py …`: the same as `gaussian-head import …`."""

from gaussian_head.cli import run_verb

if __name__ == "__main__":
    run_verb("import")
