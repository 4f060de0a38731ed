"""Six to thirty-two pictures of one moment, with cameras, to a head that speaks."""

from .pipeline import reconstruct_views as reconstruct_views
