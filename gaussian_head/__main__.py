"""`python -m gaussian_head VERB …`: the same as `gaussian-head VERB …`."""

from .cli import main

if __name__ == "__main__":
    main()
