"""Many jobs on many workers: read from a file, run on Ray, each once, with a table and a page that stay."""

from .driver import Outcome as Outcome
from .driver import run_jobs as run_jobs
from .jobs import Job as Job
from .jobs import read_jobs as read_jobs
from .places import place_at as place_at
from .ray_pool import RayPool as RayPool
