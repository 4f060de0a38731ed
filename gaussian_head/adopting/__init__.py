"""A head of Gaussians that was made elsewhere and never moved: found, fitted, bound to the parametric head."""

from .pipeline import adopt as adopt
