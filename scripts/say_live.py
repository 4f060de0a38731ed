"""Let a live head say what is typed: open the page of `gaussian-head serve HEAD`, then run this (with its URL).

The server's token, where it has one, is read from GAUSSIAN_HEAD_TOKEN. Any program that turns text into a sound file on
its output takes espeak-ng's place.
"""

import os
import subprocess
import sys

from gaussian_head.checks import InputError
from gaussian_head.live.client import LiveClient

PROGRAM = ["espeak-ng", "--stdout", "--"]


def main() -> None:
    head = LiveClient(*sys.argv[1:2], token=os.environ.get("GAUSSIAN_HEAD_TOKEN", ""))
    print("Type what to say; an empty line interrupts.")
    for line in sys.stdin:
        try:
            if line.strip():
                head.say(subprocess.run([*PROGRAM, line.strip()], capture_output=True, check=True).stdout)
            else:
                head.interrupt()
        except InputError as error:
            print(error)


if __name__ == "__main__":
    main()
