"""Facts that every room shares, each written down once."""

SAMPLE_RATE = 16000
"""Hz of all sound inside the toolkit."""

BACKGROUND, TORSO, NECK, HAIR, FACE, MOUTH = range(6)
"""Part labels: numbers in a capture's label pictures; FACE is skin with the lips, MOUTH what is seen between them."""
HEAD_LABELS = (HAIR, FACE, MOUTH)
"""All that belongs to the head."""
SHUT = 1.0
"""Inner code of a shut eye, which every head may reach, whether or not its clip has a blink."""
HOW_TO_GET_PYTORCH3D = (
    'pip install iopath fvcore wheel && pip install --no-build-isolation "git+https://github.com/facebookresearch/'
    'pytorch3d.git"'
)
"""It has no wheels for today's Python and is built against the torch that is there: about 20 minutes on two cores."""
