"""Telling the faces of a clip apart, and the living one from a picture on the wall."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

SAME_PLACE = 2.5
"""Face widths within which a face of the next sample may be the same."""
PATCH, INNER = 32, 24
"""Pixels along a face's small picture, and along the part of it that is looked for in the next one."""
SEEN = 0.3
"""Share of the most seen face's samples that another must have to count."""
STILL = 0.25
"""Share of the liveliest face's change below which a face is a picture of one."""
PASSING = 2.0
"""Face widths from its usual place that make a face one that passes by."""
RIVAL = 0.4
"""A second face counts when it is at least this share of the largest one's size."""


@dataclass(eq=False)
class Person:
    """One face through the samples of a clip."""

    samples: list[int] = field(default_factory=list)
    """Samples in which it was found."""
    boxes: list[np.ndarray] = field(default_factory=list)
    """``[4]`` of each, pixels."""
    patches: list[np.ndarray] = field(default_factory=list)
    """Grey ``[PATCH, PATCH]`` u8 of each."""

    @property
    def width(self) -> float:
        """Usual width, pixels."""
        return float(np.median([box[2] - box[0] for box in self.boxes]))

    @property
    def liveliness(self) -> float:
        """How much the face itself changes from sample to sample, its place in the picture aside."""
        pairs = zip(self.patches[:-1], self.patches[1:], strict=True)
        return float(np.median([_change(a, b) for a, b in pairs] or [0.0]))

    @property
    def reach(self) -> float:
        """How far it goes from its usual place, in its own widths; the farthest twentieth aside."""
        middles = np.array([(box[:2] + box[2:]) / 2 for box in self.boxes])
        away = np.linalg.norm(middles - np.median(middles, axis=0), axis=1)
        return float(np.quantile(away, 0.95)) / self.width

    def add(self, sample: int, box: np.ndarray, image: np.ndarray) -> None:
        """Note that the face was found at ``box`` of u8 ``image [H, W, 3]``."""
        self.samples.append(sample)
        self.boxes.append(box)
        self.patches.append(_patch(image, box))

    def within(self, samples: range) -> Person:
        """What was seen of it in those samples."""
        rows = [row for row, sample in enumerate(self.samples) if sample in samples]
        return Person(
            samples=[self.samples[row] for row in rows],
            boxes=[self.boxes[row] for row in rows],
            patches=[self.patches[row] for row in rows],
        )


def note_faces(people: list[Person], sample: int, boxes: np.ndarray, image: np.ndarray) -> None:
    """Add the faces ``boxes [B, 4]`` of one picture to the people they belong to, or as new ones."""
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    free_people, free_boxes = set(range(len(people))), set(range(len(boxes)))
    pairs = []
    for p, person in enumerate(people):
        last = person.boxes[-1]
        away = np.linalg.norm(middle - (last[:2] + last[2:]) / 2, axis=1) / (last[2] - last[0])
        pairs += [(float(away[b]), p, b) for b in range(len(boxes)) if away[b] < SAME_PLACE]
    for _, p, b in sorted(pairs):
        if p in free_people and b in free_boxes:
            people[p].add(sample, boxes[b], image)
            free_people.remove(p)
            free_boxes.remove(b)
    for b in sorted(free_boxes):
        people.append(Person())
        people[-1].add(sample, boxes[b], image)


def choose_person(people: list[Person]) -> tuple[Person, list[Person]]:
    """The largest face that lives, and larger ones that are only pictures of faces.

    Who passes by counts where nobody stays: walking changes a face more than talking does.
    """
    most = max(len(person.samples) for person in people)
    often = sorted((p for p in people if len(p.samples) >= SEEN * most), key=lambda p: -p.width)
    often = [p for p in often if p.reach < PASSING] or often
    rivals = [p for p in often if p.width >= RIVAL * often[0].width]
    liveliest = max(p.liveliness for p in rivals)
    alive = [p for p in rivals if p.liveliness >= STILL * liveliest]
    return alive[0], rivals[: rivals.index(alive[0])]


def _patch(image: np.ndarray, box: np.ndarray) -> np.ndarray:
    import cv2

    low, high = box[:2], box[2:]
    grown = np.concatenate([low - 0.15 * (high - low), high + 0.15 * (high - low)])
    size = np.array([image.shape[1], image.shape[0]] * 2)
    x0, y0, x1, y1 = np.clip(grown, 0, size).round().astype(int)
    cut = image[min(y0, size[1] - 1) : max(y1, y0 + 1), min(x0, size[0] - 1) : max(x1, x0 + 1)]
    return cv2.cvtColor(cv2.resize(cut, (PATCH, PATCH), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)


def _change(before: np.ndarray, after: np.ndarray) -> float:
    """1 less the best correlation of the middle of one patch with any place in the other."""
    import cv2

    edge = (PATCH - INNER) // 2
    middle = np.ascontiguousarray(before[edge : edge + INNER, edge : edge + INNER])
    if middle.std() < 1:
        return 0.0
    return 1 - float(cv2.matchTemplate(after, middle, cv2.TM_CCOEFF_NORMED).max())
