"""Trained files that other packages' wheels carry (face nets, an acoustic model), each known by its sha256."""

from ._place import carried_file as carried_file
from ._place import missing_files as missing_files
