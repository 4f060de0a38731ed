"""Facts that every room shares, each written down once."""

SAMPLE_RATE = 16000
"""Hz of all sound inside the toolkit."""

BACKGROUND, TORSO, NECK, HAIR, FACE, MOUTH = range(6)
"""Part labels: numbers in a capture's label pictures; FACE is skin with the lips, MOUTH what is seen between them."""
HEAD_LABELS = (HAIR, FACE, MOUTH)
"""All that belongs to the head."""
SHUT = 1.0
"""Inner code of a shut eye, which every head may reach, whether or not its clip has a blink."""
