"""Names of MediaPipe's 478 face landmarks: contours, triangles, mirror pairs and the regions that channels move.

"Left" and "right" are the subject's own; the subject's left eye lies at the right of the picture.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

NUM_LANDMARKS = 478
NUM_MESH = 468
"""Landmarks of the face mesh; the ten after them are the two irises."""

# fmt: off
OVAL = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
        152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)
"""Outline of the face, a loop from the top of the forehead."""
INNER_LIPS = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95)
"""Inner edge of the lips, a loop."""
OUTER_LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
"""Outer edge of the lips, a loop."""
RIGHT_EYE = (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7)
LEFT_EYE = (263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249)
"""Eyelid edges, loops from the outer corner over the upper lid."""
RIGHT_BROW = (46, 52, 53, 55, 63, 65, 66, 70, 105, 107)
LEFT_BROW = (276, 282, 283, 285, 293, 295, 296, 300, 334, 336)
RIGHT_IRIS = (468, 469, 470, 471, 472)
LEFT_IRIS = (473, 474, 475, 476, 477)
"""Centre, then the picture's right, top, left and bottom of each iris."""
RIGID = (168, 6, 197, 195, 5, 33, 133, 362, 263, 10, 151, 108, 337, 69, 299, 104, 333, 67, 297, 103, 332,
         54, 284, 21, 251, 162, 389, 127, 356, 234, 454, 93, 323, 143, 372, 116, 345, 122, 351, 193, 417)
"""Landmarks that hardly move with expression: bridge of the nose, eye corners, forehead, temples."""
# fmt: on
RIGHT_LIDS = ((160, 144), (159, 145), (158, 153))
LEFT_LIDS = ((387, 373), (386, 374), (385, 380))
"""Upper and lower lid pairs across each eye."""
INNER_LIP_PAIRS = ((82, 87), (13, 14), (312, 317))
"""Upper and lower inner lip across the middle of the mouth."""
IRIS_MIRROR = ((468, 473), (469, 476), (470, 475), (471, 474), (472, 477))
LIPS = tuple(sorted({*INNER_LIPS, *OUTER_LIPS}))

_RIGHT_SIDE = """
3 7 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56
57 58 59 60 61 62 63 64 65 66 67 68 69 70 71 72 73 74 75 76 77 78 79 80 81 82 83 84 85 86 87 88 89 90 91 92 93 95 96
97 98 99 100 101 102 103 104 105 106 107 108 109 110 111 112 113 114 115 116 117 118 119 120 121 122 123 124 125 126
127 128 129 130 131 132 133 134 135 136 137 138 139 140 141 142 143 144 145 146 147 148 149 150 153 154 155 156 157
158 159 160 161 162 163 165 166 167 169 170 171 172 173 174 176 177 178 179 180 181 182 183 184 185 186 187 188 189
190 191 192 193 194 196 198 201 202 203 204 205 206 207 208 209 210 211 212 213 214 215 216 217 218 219 220 221 222
223 224 225 226 227 228 229 230 231 232 233 234 235 236 237 238 239 240 241 242 243 244 245 246 247
"""
_LEFT_SIDE = """
248 249 250 251 252 253 254 255 256 257 258 259 260 261 262 263 264 265 266 267 268 269 270 271 272 273 274 275 276
277 278 279 280 281 282 283 284 285 286 287 288 289 290 291 292 293 294 295 296 297 298 299 300 301 302 303 304 305
306 307 308 309 310 311 312 313 314 315 316 317 318 319 320 321 322 323 324 325 326 327 328 329 330 331 332 333 334
335 336 337 338 339 340 341 342 343 344 345 346 347 348 349 350 351 352 353 354 355 356 357 358 359 360 361 362 363
364 365 366 367 368 369 370 371 372 373 374 375 376 377 378 379 380 381 382 383 384 385 386 387 388 389 390 391 392
393 394 395 396 397 398 399 400 401 402 403 404 405 406 407 408 409 410 411 412 413 414 415 416 417 418 419 420 421
422 423 424 425 426 427 428 429 430 431 432 433 434 435 436 437 438 439 440 441 442 443 444 445 446 447 448 449 450
451 452 453 454 455 456 457 458 459 460 461 462 463 464 465 466 467
"""
# Partners of the mesh across the face, found by matching three people's mean faces with their mirror images.


@lru_cache(maxsize=1)
def triangles() -> np.ndarray:
    """The mesh's 852 triangles ``[F, 3]`` int32, counter-clockwise seen from outside (eyes and mouth are holes).

    MediaPipe ships the edges; a triangle is three edges that meet, less the two such circles
    around the wings of the nose that bound no triangle.
    """
    from mediapipe.python.solutions.face_mesh_connections import FACEMESH_TESSELATION

    around: dict[int, set[int]] = {}
    for a, b in FACEMESH_TESSELATION:
        around.setdefault(a, set()).add(b)
        around.setdefault(b, set()).add(a)
    found = {tuple(sorted((a, b, c))) for a, b in FACEMESH_TESSELATION for c in around[a] & around[b]}
    found -= {(49, 64, 129), (279, 294, 358)}
    return _wound_alike(sorted(found))


def _wound_alike(faces: list[tuple[int, ...]]) -> np.ndarray:
    """Faces with one common winding, spread from a face of the forehead over shared edges."""
    by_edge: dict[frozenset[int], list[int]] = {}
    for i, face in enumerate(faces):
        for a, b in zip(face, face[1:] + face[:1], strict=True):
            by_edge.setdefault(frozenset((a, b)), []).append(i)
    start = next(i for i, face in enumerate(faces) if set(face) == {10, 151, 338})
    wound, pending = {start: (10, 151, 338)}, [start]
    while pending:
        face = wound[i := pending.pop()]
        for a, b in zip(face, face[1:] + face[:1], strict=True):
            for j in by_edge[frozenset((a, b))]:
                if j not in wound:
                    (c,) = set(faces[j]) - {a, b}
                    wound[j] = (b, a, c)
                    pending.append(j)
    return np.array([wound[i] for i in range(len(faces))], dtype=np.int32)


@lru_cache(maxsize=1)
def mirror() -> np.ndarray:
    """``[478]`` index of each landmark's partner on the other side of the face, itself on the midline."""
    partner = np.arange(NUM_LANDMARKS)
    right = np.array([*map(int, _RIGHT_SIDE.split()), *(pair[0] for pair in IRIS_MIRROR)])
    left = np.array([*map(int, _LEFT_SIDE.split()), *(pair[1] for pair in IRIS_MIRROR)])
    partner[right], partner[left] = left, right
    return partner


def _smoothstep(x: np.ndarray, low: float, high: float) -> np.ndarray:
    s = np.clip((x - low) / (high - low), 0, 1)
    return s * s * (3 - 2 * s)


def channel_support(shape: np.ndarray, channels: tuple[str, ...]) -> np.ndarray:
    """How far each channel may move each landmark, ``[K, L]`` in [0, 1].

    Args:
        shape: ``[L, 3]`` neutral face, any unit, +x to the picture's right and +y down.
        channels: K channel names.
    """
    eyes = {"r": shape[list(RIGHT_EYE)].mean(0), "l": shape[list(LEFT_EYE)].mean(0)}
    eye_width = np.linalg.norm(shape[33] - shape[133])
    eye_line = (eyes["r"][1] + eyes["l"][1]) / 2
    down = (shape[:, 1] - eye_line) / (shape[list(LIPS), 1].mean() - eye_line)
    near = {
        side: _smoothstep(np.linalg.norm((shape - at)[:, :2] * [1, 1.2], axis=1) / eye_width, 1.5, 0.75)
        for side, at in eyes.items()
    }
    is_iris = np.arange(len(shape)) >= NUM_MESH
    lower = _smoothstep(down, 0.12, 0.5) * ~is_iris
    upper = _smoothstep(down, 0.75, 0.4) * ~is_iris
    brow = _smoothstep(down, 0.1, -0.15) * ~is_iris
    gaze = np.maximum(np.maximum(near["r"], near["l"]), is_iris)
    named = {"blink_l": near["l"] * ~is_iris, "blink_r": near["r"] * ~is_iris, "brow_up": brow}
    named |= {"gaze_x": gaze, "gaze_y": gaze}
    rows = [named.get(name, upper if name.startswith("face_") else lower) for name in channels]
    return np.stack(rows).astype(np.float64)
