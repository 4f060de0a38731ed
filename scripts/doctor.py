"""`python scripts/doctor.py …`: the same as `gaussian-head doctor …`."""

from gaussian_head.cli import run_verb

if __name__ == "__main__":
    run_verb("doctor")
