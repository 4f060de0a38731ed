"""The surface of a photographed person: the fitted parametric head, drawn onto landmarks and grown to the outline."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.ndimage import binary_dilation, distance_transform_edt
from scipy.sparse import csr_matrix, identity, vstack
from scipy.sparse.linalg import spsolve
from scipy.spatial import KDTree
from torch import Tensor

from ..camera import Camera
from ..face import REGIONS, FaceModel
from ..facenet import NUM_MESH
from ..facenet.contours import OVAL
from ..head.hull import (
    HEAD,
    ROUNDS,
    closed_vertices,
    outward_directions,
    vertex_normals,
)
from ..head.laid import SKIN, landmark_rows, mesh_edges
from ..head.outline import Border, OutlineView, outline_rows
from ..smoothing import smoothstep
from ..transforms import quat_to_rotmat, rotvec_to_quat
from .fitting import FittedPhoto, PhotoFit
from .view import PhotoView

LANDMARK_TRUST, OVAL_TRUST, FADE = 40.0, 12.0, 0.01
"""Weight of a landmark, of one of the face's outline, and of staying put, next to one edge of the mesh."""
SQUARE_ON = 0.15
"""Cosine between a landmark's normal and the line of sight from which on the photograph tells where it is."""
SMOOTH, THIN = 0.08, 2e-3
"""Weight of an edge whose ends are equally thick, and of being bare, next to one point of the outline."""
THICKEST = {"neck": 0.02, "shoulders": 0.06, "scalp": 0.08, "ears": 0.03, "face": 0.05, "lids": 0.0, "lips": 0.0}
"""Metres that a region may grow."""
OTHERS = 0.1
"""Weight of the outlines in all photographs but the first, together, next to that one's."""
BESIDE_HAIR = 4
"""Pixels from hair within which an outline is not the neck's."""
EYES = (33, 133, 362, 263)
"""Landmarks: corners of the eyes; hair below them hangs beside the head and does not thicken it."""
LIDS = {"eye_left": 1, "eye_right": -1}


@dataclass(frozen=True, kw_only=True)
class PhotoShape:
    """A person's surface, neutral, in the head frame; V vertices of the parametric head."""

    model: FaceModel
    """Whose triangles and units it has."""
    vertices: np.ndarray
    """``[V, 3]`` metres, hair and clothes included."""
    thickness: np.ndarray
    """``[V]`` metres of these."""
    triangles: np.ndarray
    """``[F, 3]`` of what is seen from outside."""
    head_weights: np.ndarray
    """``[V]`` 1 follows the head, 0 the torso, between them the neck."""

    def posed(self, photo: FittedPhoto) -> np.ndarray:
        """Vertices ``[V, 3]`` of a photograph's expression in the camera."""
        rotation = quat_to_rotmat(photo.pose.quats).double().numpy()
        return self.expressed(photo.units, photo.gaze) @ rotation.T + photo.pose.positions.double().numpy()

    def expressed(self, units: Tensor, gaze: Tensor) -> np.ndarray:
        """Vertices ``[V, 3]`` with an expression in the head frame."""
        moved = torch.einsum("u,uvc->vc", units, self.model.units.double()).numpy()
        points = self.vertices + moved
        return with_gaze(points, self.model, gaze)

    @property
    def normals(self) -> np.ndarray:
        """``[V, 3]`` unit, outwards, of the neutral surface; inner parts have their own."""
        return vertex_normals(self.vertices, self.model.triangles.numpy())


def with_gaze(points: np.ndarray, model: FaceModel, gaze: Tensor) -> np.ndarray:
    """Vertices ``[V, 3]`` with both eyeballs turned by radians ``[2]``: to the picture's right, and down."""
    points = points.copy()
    (cx, cy), (sx, sy) = gaze.cos().tolist(), gaze.sin().tolist()
    turn = np.array([[cx, 0, -sx], [0, 1, 0], [sx, 0, cx]]) @ np.array([[1, 0, 0], [0, cy, -sy], [0, sy, cy]])
    for name in LIDS:
        rows = model.of_region(name).numpy()
        centre = points[rows].mean(0)
        points[rows] = centre + (points[rows] - centre) @ turn.T
    return points


def camera_of(photo: FittedPhoto, size: int) -> Camera:
    """The camera of a square photograph."""
    x, y = photo.centre.tolist()
    return Camera.from_focal(photo.focal, size, size, x, y)


def carried_round(
    photo: FittedPhoto, camera: Camera, turn_deg: float, rise_deg: float = 0.0, *, centred: bool = False
) -> Camera:
    """A camera carried round a photographed head from where the photograph was taken.

    Args:
        photo: how the photograph was fitted.
        camera: whose lens and size it has.
        turn_deg: to the side that the head's left eye is on.
        rise_deg: upwards.
        centred: hold the head in the picture's middle instead of where the photograph shows it.
    """
    turn, rise = (
        quat_to_rotmat(rotvec_to_quat(torch.tensor(angle)))
        for angle in ([0.0, math.radians(turn_deg), 0.0], [math.radians(rise_deg), 0.0, 0.0])
    )
    centre = photo.pose.positions
    around = torch.eye(4)
    around[:3, :3] = rise @ turn
    around[:3, 3] = (centre * torch.tensor([0.0, 0.0, 1.0]) if centred else centre) - rise @ turn @ centre
    return camera.with_view(around)


def shape_of(views: list[PhotoView], fit: PhotoFit, model: FaceModel) -> PhotoShape:
    """The surface that explains the photographs' landmarks and outlines."""
    vertices = model.neutral(fit.identity.float()).double().numpy()
    triangles = model.triangles.numpy()
    everywhere = mesh_edges(triangles, len(vertices))
    corners = triangles[model.landmark_triangles.numpy()][:NUM_MESH]
    lands = landmark_rows(corners, model.landmark_weights.numpy()[:NUM_MESH], len(vertices))
    bare = PhotoShape(
        model=model,
        vertices=vertices,
        thickness=np.zeros(len(vertices)),
        triangles=outer_triangles(model),
        head_weights=head_share(model, vertices[:, 1], vertices),
    )
    drawn = bare
    for view, photo in reversed(list(zip(views, fit.photos, strict=True))):
        drawn = _drawn(drawn, view, photo, everywhere, lands)
    return _grown(drawn, views, fit, lands)


def head_share(model: FaceModel, height: np.ndarray, vertices: np.ndarray) -> np.ndarray:
    """How far points at a height follow the head, ``[P]``: wholly above the neck, not at all on the shoulders."""
    neck = model.of_region("neck").numpy()
    top, bottom = np.quantile(vertices[neck, 1], [0.35, 0.97])
    share = smoothstep(torch.from_numpy(((bottom - height) / (bottom - top)).clip(0, 1))).numpy()
    if len(height) == len(model.regions):
        share = share.copy()
        share[np.isin(model.regions.numpy(), [REGIONS.index(name) for name in HEAD])] = 1.0
        inner = model.of_region("mouth_cavity", "eye_socket", *LIDS, "upper_teeth", "lower_teeth", "tongue", "lashes")
        share[inner.numpy()] = 1.0
        share[model.of_region("shoulders").numpy()] = np.minimum(share[model.of_region("shoulders").numpy()], 0.0)
    return share


def outer_triangles(model: FaceModel) -> np.ndarray:
    """Triangles ``[F, 3]`` that are seen from outside."""
    skin = np.isin(model.regions.numpy(), [REGIONS.index(name) for name in SKIN])
    triangles = model.triangles.numpy()
    return triangles[skin[triangles].all(1)]


def _drawn(shape: PhotoShape, view: PhotoView, photo: FittedPhoto, edges: csr_matrix, lands: csr_matrix) -> PhotoShape:
    """The shape with its landmarks where a photograph shows them, moved across the lines of sight alone.

    Of several photographs, one after the other, the last has the last word, and depths are the others'.
    """
    V = len(shape.vertices)
    trust = np.full(NUM_MESH, LANDMARK_TRUST)
    trust[list(OVAL)] = OVAL_TRUST
    rotation = quat_to_rotmat(photo.pose.quats).double().numpy()
    posed = shape.posed(photo)
    points = lands @ posed
    normals = lands @ vertex_normals(posed, shape.triangles)
    facing = -(normals * points).sum(1) / np.linalg.norm(points, axis=1)
    sight = (view.landmarks[:NUM_MESH] - photo.centre.numpy()) / photo.focal
    missing = np.column_stack([sight * points[:, 2:] - points[:, :2], np.zeros(NUM_MESH)])
    weight = trust * np.clip(facing / SQUARE_ON, 0.02, 1)
    wanted = weight[:, None] * (missing @ rotation)
    system = csr_matrix(edges + FADE * identity(V) + lands.T @ csr_matrix(np.diag(weight)) @ lands)
    moved = np.asarray(spsolve(system.tocsc(), lands.T @ wanted))
    moved = carried(moved, shape, edges)
    return replace(shape, vertices=shape.vertices + moved)


def carried(moved: np.ndarray, shape: PhotoShape, edges: csr_matrix) -> np.ndarray:
    """The same for eyes, teeth, tongue and lashes, which hang on nothing: as what lies around them."""
    model, moved = shape.model, moved.copy()
    lids, lips = model.of_region("lids").numpy(), model.of_region("lips").numpy()
    for name, side in LIDS.items():
        near = lids[np.sign(shape.vertices[lids, 0]) == side]
        moved[model.of_region(name).numpy()] = moved[near].mean(0)
    moved[model.of_region("upper_teeth", "lower_teeth", "tongue").numpy()] = moved[lips].mean(0)
    lashes = model.of_region("lashes").numpy()
    moved[lashes] = moved[lids[KDTree(shape.vertices[lids]).query(shape.vertices[lashes])[1]]]
    return moved


def _grown(shape: PhotoShape, views: list[PhotoView], fit: PhotoFit, lands: csr_matrix) -> PhotoShape:
    """The shape whose outline is the person's: hair and clothes as thick as the photographs show them."""
    V, regions, triangles = len(shape.vertices), shape.model.regions.numpy(), shape.triangles
    edges = mesh_edges(triangles, V)
    directions = outward_directions(shape.vertices, triangles, edges, regions)
    of_head = np.isin(regions, [REGIONS.index(name) for name in HEAD if name != "ears"])
    most = np.array([THICKEST.get(name, 0.0) for name in REGIONS])[regions]
    closed = closed_vertices(triangles, V)
    prior = csr_matrix(SMOOTH * edges + THIN * identity(V) + lands.T @ lands)
    outlines = [_outlines(view, photo) for view, photo in zip(views, fit.photos, strict=True)]
    thickness, trust = np.zeros(V), [1.0, *[OTHERS / max(len(views) - 1, 1)] * (len(views) - 1)]
    for _ in range(ROUNDS):
        rows, wanted = [], []
        for photo, pair, root in zip(fit.photos, outlines, np.sqrt(trust), strict=True):
            now = shape.expressed(photo.units, photo.gaze) + thickness[:, None] * directions
            for outline, chosen in zip(pair, (of_head, ~of_head), strict=True):
                found = outline_rows(now, triangles, np.ones(V), directions, thickness, closed & chosen, outline)
                rows.append(root * found[0])
                wanted.append(root * found[1])
        both, target = csr_matrix(vstack(rows)), np.concatenate(wanted)
        system = csr_matrix(prior + both.T @ both)
        thickness = np.asarray(spsolve(system.tocsc(), both.T @ target)).clip(-most / 2, most)
    return replace(shape, vertices=shape.vertices + thickness[:, None] * directions, thickness=thickness)


def _outlines(view: PhotoView, photo: FittedPhoto) -> tuple[OutlineView, OutlineView]:
    """The outline that the head has to fill, and the one of neck and shoulders, which hair before them hides."""
    person = view.alpha > 127
    border = Border.of(person)
    pose = quat_to_rotmat(photo.pose.quats).double().numpy(), photo.pose.positions.double().numpy()
    whole = OutlineView(person=border, unclothed=border, camera=camera_of(photo, len(person)), poses=(pose, pose))
    row, column = np.asarray(distance_transform_edt(person, return_distances=False, return_indices=True))
    rim_row, rim_column = np.asarray(distance_transform_edt(~person, return_distances=False, return_indices=True))
    near_hair = np.asarray(binary_dilation(view.hair, iterations=BESIDE_HAIR), bool)
    hairy = np.where(person, near_hair[row, column], near_hair[rim_row, rim_column]) | near_hair
    below = np.arange(len(person))[:, None] > view.landmarks[list(EYES), 1].mean()
    head, body = (
        replace(whole, person=replace(border, distance=np.where(away, 1e6, border.distance)))
        for away in (hairy & below, hairy)
    )
    return head, body
