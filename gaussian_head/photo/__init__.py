"""One to five photographs of a person to a head that talks and turns all the way round."""

from .building import BuiltHead as BuiltHead
from .building import build as build
from .pipeline import reconstruct_photos as reconstruct_photos
from .view import PhotoView as PhotoView
from .view import prepare as prepare
