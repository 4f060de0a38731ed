"""Contours of the 478 landmarks: which landmarks lie on the outline, the lips, the eyelids, the brows and the irises.

"Left" and "right" are the subject's own; the subject's left eye lies at the right of the picture.
"""

from __future__ import annotations

# fmt: off
OVAL = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
        152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)
"""Outline of the face, a loop from the top of the forehead over the picture's right side."""
UPPER_INNER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
LOWER_INNER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
UPPER_OUTER = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)
LOWER_OUTER = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291)
"""Edges of each lip from the subject's right corner of the mouth to the left one."""
INNER_LIPS = UPPER_INNER + LOWER_INNER[-2:0:-1]
OUTER_LIPS = UPPER_OUTER + LOWER_OUTER[-2:0:-1]
"""Edges of both lips, loops from the subject's right corner over the upper lip."""
LIPS = tuple(sorted({*INNER_LIPS, *OUTER_LIPS}))
INNER_LIP_PAIRS = ((82, 87), (13, 14), (312, 317))
"""Upper and lower inner lip across the middle of the mouth."""
RIGHT_EYELIDS = ((33, 246, 161, 160, 159, 158, 157, 173, 133), (33, 7, 163, 144, 145, 153, 154, 155, 133))
LEFT_EYELIDS = ((263, 466, 388, 387, 386, 385, 384, 398, 362), (263, 249, 390, 373, 374, 380, 381, 382, 362))
"""Edges of the upper and the lower lid from the outer to the inner corner."""
RIGHT_EYE = RIGHT_EYELIDS[0] + RIGHT_EYELIDS[1][-2:0:-1]
LEFT_EYE = LEFT_EYELIDS[0] + LEFT_EYELIDS[1][-2:0:-1]
"""Eyelid edges, loops from the outer corner over the upper lid."""
RIGHT_LID_PAIRS = ((160, 144), (159, 145), (158, 153))
LEFT_LID_PAIRS = ((387, 373), (386, 374), (385, 380))
"""Upper and lower lid pairs across each eye."""
RIGHT_LID_FOLD = (247, 30, 29, 27, 28, 56, 190)
LEFT_LID_FOLD = (467, 260, 259, 257, 258, 286, 414)
"""The fold above each upper lid, from the outer corner inwards."""
RIGHT_BROW = (46, 52, 53, 55, 63, 65, 66, 70, 105, 107)
LEFT_BROW = (276, 282, 283, 285, 293, 295, 296, 300, 334, 336)
RIGHT_IRIS = (468, 469, 470, 471, 472)
LEFT_IRIS = (473, 474, 475, 476, 477)
"""Centre, then the picture's right, top, left and bottom of each iris."""
# fmt: on
