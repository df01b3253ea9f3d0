"""Cameras: one for each frame, from an orbit, a nerfstudio camera path, or a ``transforms.json``.

nerfstudio and Blender look along -z with y up; rasterisers and COLMAP look along +z with y down. Both files hold camera
to world matrices of the first kind (docs.nerf.studio, "Data conventions"); ``Camera`` holds the second, inverted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]

MAX_CAMERAS = 1_000_000
"""Of one path: as many as a job has frames."""
MAX_FPS = 1000
"""A path that claims more is taken to say nothing of its speed."""
FIRST_FRAME = 1
"""The frame that the first camera of a path or orbit renders."""
DEFAULT_SIZE = (1280, 720)
"""Pixels, where neither the job nor the cameras say."""
_UNITY = 1e-3
"""How far a rotation may be from orthonormal."""
MIN_FOV_DEGREES = 0.001
"""A narrower view than any telescope's; with less, focal lengths leave the range of a number."""
_MIN_ANGLE = math.radians(MIN_FOV_DEGREES)
_FARTHEST = 1e9
"""Scene units from the origin, of a camera: beyond it a 32-bit float no longer holds what is seen."""
_LENS_TERMS = ("k1", "k2", "k3", "k4", "k5", "k6", "p1", "p2")
_PINHOLES = ("OPENCV", "PINHOLE", "SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL")


class BadCameras(ValueError):
    """A camera file or inline path that cannot be used; the message says where and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """A pinhole camera and the size of its picture."""

    width: int
    height: int
    fx: float
    fy: float
    """Focal lengths, pixels."""
    cx: float
    cy: float
    """Where the axis meets the picture; pixels from its upper left corner, the first pixel's centre at 0.5."""
    world_to_camera: Matrix
    """(4, 4), x right, y down, z forward."""

    @classmethod
    def of_fov(cls, pose: Matrix, *, width: int, height: int, fov_degrees: float) -> Camera:
        """``pose``: camera to world, looking along -z; ``fov_degrees``: from the top of the picture to its bottom."""
        focal = 0.5 * height / math.tan(math.radians(fov_degrees) / 2)
        return cls(
            width=width,
            height=height,
            fx=focal,
            fy=focal,
            cx=width / 2,
            cy=height / 2,
            world_to_camera=_view_of(pose),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PathCamera:
    """One camera of a file, before the job has its say on the size."""

    pose: Matrix
    """(4, 4) camera to world, looking along -z."""
    fov_degrees: float | None = None
    """Vertical. None: the focal lengths are given."""
    focal: tuple[float, float] = (0.0, 0.0)
    centre: tuple[float, float] = (0.0, 0.0)
    size: tuple[int, int] | None = None
    """Pixels for which focal length and centre hold."""
    distorted: bool = False
    """The lens was not straight; a rasteriser's always is."""

    def sized(self, width: int | None, height: int | None) -> Camera:
        """For a picture of this size; None: the file's, or that of the file's shape. The field of view is kept."""
        width, height = fitted(self.size or DEFAULT_SIZE, width, height)
        if self.fov_degrees is not None:
            return Camera.of_fov(self.pose, width=width, height=height, fov_degrees=self.fov_degrees)
        own_width, own_height = self.size or DEFAULT_SIZE
        across, down = width / own_width, height / own_height
        return Camera(
            width=width,
            height=height,
            fx=self.focal[0] * across,
            fy=self.focal[1] * down,
            cx=self.centre[0] * across,
            cy=self.centre[1] * down,
            world_to_camera=_view_of(self.pose),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # poses are arrays, which do not compare as one
class CameraPath:
    """All cameras of a file, in order."""

    cameras: tuple[PathCamera, ...]
    fps: float | None = None

    @property
    def size(self) -> tuple[int, int] | None:
        """Of the first camera's picture."""
        return self.cameras[0].size

    @property
    def one_size(self) -> tuple[int, int] | None:
        """Of every camera's picture; None: they differ."""
        sizes = {camera.size or DEFAULT_SIZE for camera in self.cameras}
        return sizes.pop() if len(sizes) == 1 else None

    @property
    def distorted(self) -> bool:
        return any(camera.distorted for camera in self.cameras)


def fitted(own: tuple[int, int], width: int | None, height: int | None) -> tuple[int, int]:
    """Width and height of a picture of which the job names both, one or none; its shape is kept where it may."""
    if width is not None and height is not None:
        return width, height
    if width is not None:
        return width, max(1, round(width * own[1] / own[0]))
    if height is not None:
        return max(1, round(height * own[0] / own[1])), height
    return own


def parse_path(data: Any) -> CameraPath:
    """A nerfstudio camera path (``camera_path``) or ``transforms.json`` (``frames``). Raises ``BadCameras``."""
    if not isinstance(data, dict):
        raise BadCameras("The cameras are no JSON object.")
    if "camera_path" in data:
        return _camera_path(data)
    if "frames" in data:
        return _transforms(data)
    raise BadCameras("The cameras have neither 'camera_path' (nerfstudio camera path) nor 'frames' (transforms.json).")


def _camera_path(data: dict[str, Any]) -> CameraPath:
    if data.get("camera_type", "perspective") != "perspective":
        raise BadCameras(f"camera_type {data['camera_type']!r} is not supported; only 'perspective' is.")
    if data.get("crop"):
        raise BadCameras("'crop' is not supported; crop the cloud before it is uploaded.")
    size = (_whole(data, "render_width", "the path"), _whole(data, "render_height", "the path"))
    cameras = []
    for number, item in enumerate(_entries(data, "camera_path")):
        where = f"camera_path[{number}]"
        fov = _number(item, "fov", where)
        if not MIN_FOV_DEGREES <= fov < 180:
            raise BadCameras(f"{where}.fov is {fov:g}; it must lie between {MIN_FOV_DEGREES} and 180 degrees.")
        cameras.append(
            PathCamera(pose=_pose(item.get("camera_to_world"), f"{where}.camera_to_world"), fov_degrees=fov, size=size)
        )
    fps = data.get("fps")
    if isinstance(fps, bool) or not isinstance(fps, int | float) or not 0 < fps < MAX_FPS:
        fps = None
    return CameraPath(cameras=tuple(cameras), fps=None if fps is None else float(fps))


def _transforms(data: dict[str, Any]) -> CameraPath:
    cameras = []
    for number, item in enumerate(_entries(data, "frames")):
        where = f"frames[{number}]"
        lens = {**{key: value for key, value in data.items() if key != "frames"}, **item}
        model = lens.get("camera_model", "PINHOLE")
        if model not in _PINHOLES or lens.get("is_fisheye"):
            raise BadCameras(f"{where}: camera_model {model!r} is not supported; only pinhole cameras are.")
        width, height = _whole(lens, "w", where), _whole(lens, "h", where)
        cameras.append(
            PathCamera(
                pose=_pose(item.get("transform_matrix"), f"{where}.transform_matrix"),
                focal=_focal(lens, width, height, where),
                centre=(
                    _number(lens, "cx", where) if "cx" in lens else width / 2,
                    _number(lens, "cy", where) if "cy" in lens else height / 2,
                ),
                size=(width, height),
                distorted=any(_number(lens, term, where) != 0 for term in _LENS_TERMS if term in lens),
            )
        )
    return CameraPath(cameras=tuple(cameras))


def _focal(lens: dict[str, Any], width: int, height: int, where: str) -> tuple[float, float]:
    """From ``fl_x``/``fl_y``, or the angles of view; one of a pair stands for both (square pixels)."""
    found: list[float | None] = []
    for name, angle, side in (("fl_x", "camera_angle_x", width), ("fl_y", "camera_angle_y", height)):
        if name in lens:
            found.append(_number(lens, name, where))
        elif angle in lens:
            radians = _number(lens, angle, where)
            if not _MIN_ANGLE <= radians < math.pi:
                raise BadCameras(f"{where}: {angle} is {radians:g}; it must lie between {_MIN_ANGLE:.2g} and pi.")
            found.append(0.5 * side / math.tan(radians / 2))
        else:
            found.append(None)
    fx, fy = found
    fx, fy = fx if fx is not None else fy, fy if fy is not None else fx
    if fx is None or fy is None:
        raise BadCameras(f"{where}: neither fl_x nor camera_angle_x is given.")
    if fx <= 0 or fy <= 0:
        raise BadCameras(f"{where}: a focal length must be positive.")
    return fx, fy


@dataclass(frozen=True, slots=True, kw_only=True)
class OrbitPath:
    """A camera on a circle around a point, looking at it."""

    centre: tuple[float, float, float]
    radius: float
    """Scene units, from the centre."""
    frames_per_turn: int
    elevation_degrees: float
    start_degrees: float
    fov_degrees: float
    up: tuple[float, float, float]
    """Unit vector."""

    def camera(self, frame: int, *, width: int, height: int) -> Camera:
        """Frame 1 looks from the start; later ones go on turning, past the first turn too."""
        turn = ((frame - FIRST_FRAME) % self.frames_per_turn) / self.frames_per_turn
        angle = math.radians(self.start_degrees + 360.0 * turn)
        up = np.asarray(self.up, dtype=np.float64)
        ahead = np.eye(3)[int(np.argmin(np.abs(up)))]
        east = np.cross(up, ahead)
        east /= np.linalg.norm(east)
        north = np.cross(east, up)
        lift = math.radians(self.elevation_degrees)
        out = math.cos(lift) * (math.cos(angle) * east + math.sin(angle) * north) + math.sin(lift) * up
        pose = np.eye(4)
        right = np.cross(up, out)
        right /= np.linalg.norm(right)
        pose[:3, 0], pose[:3, 1], pose[:3, 2] = right, np.cross(out, right), out
        pose[:3, 3] = np.asarray(self.centre) + self.radius * out
        return Camera.of_fov(pose, width=width, height=height, fov_degrees=self.fov_degrees)


def check_transform(value: Any) -> None:
    """Refuse what is not a turn and a shift; raises ``BadCameras``."""
    _pose(value, "transform")


def moved(pose: Matrix, transform: Matrix, scale: float) -> Matrix:
    """A camera's pose in a world that was turned and shifted by ``transform`` (3 or 4, 4) and then scaled."""
    result = np.eye(4)
    result[:3, :3] = transform[:3, :3] @ pose[:3, :3]
    result[:3, 3] = scale * (transform[:3, :3] @ pose[:3, 3] + transform[:3, 3])
    return result


def _view_of(pose: Matrix) -> Matrix:
    """Camera to world, looking along -z → world to camera, looking along +z."""
    turned = pose[:3, :3] * np.array([1.0, -1.0, -1.0])
    view = np.eye(4)
    view[:3, :3] = turned.T
    view[:3, 3] = -turned.T @ pose[:3, 3]
    return view


def _entries(data: dict[str, Any], name: str) -> list[dict[str, Any]]:
    entries = data[name]
    if not isinstance(entries, list) or not entries:
        raise BadCameras(f"'{name}' holds no camera.")
    if len(entries) > MAX_CAMERAS:
        raise BadCameras(f"'{name}' holds {len(entries)} cameras; at most {MAX_CAMERAS} are allowed.")
    for number, item in enumerate(entries):
        if not isinstance(item, dict):
            raise BadCameras(f"{name}[{number}] is no JSON object.")
    return entries


def _pose(value: Any, where: str) -> Matrix:
    """16 numbers, row by row, flat or in rows; the rotation is made exactly orthonormal."""
    try:
        matrix = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        matrix = np.empty(0)
    if matrix.size not in (12, 16) or matrix.ndim > 2 or not np.isfinite(matrix).all():
        raise BadCameras(f"{where} is no matrix of 4 x 4 finite numbers.")
    pose = np.eye(4)
    pose[: matrix.size // 4] = matrix.reshape(-1, 4)
    if np.abs(pose).max() > _FARTHEST:
        raise BadCameras(f"{where} is farther than {_FARTHEST:g} from the origin.")
    if np.abs(pose[3] - [0, 0, 0, 1]).max() > _UNITY:
        raise BadCameras(f"{where}: the last row must be 0 0 0 1.")
    left, lengths, right = np.linalg.svd(pose[:3, :3])
    if np.abs(lengths - 1).max() > _UNITY or np.linalg.det(left @ right) < 0:
        raise BadCameras(f"{where} is no rotation: it scales, shears or mirrors.")
    pose[:3, :3] = left @ right
    pose[3] = (0, 0, 0, 1)
    return pose


def _number(data: dict[str, Any], name: str, where: str) -> float:
    value = data.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e12:
        raise BadCameras(f"{where}: '{name}' must be a finite number, not {str(value)[:40]!r}.")
    return float(value)


def _whole(data: dict[str, Any], name: str, where: str) -> int:
    value = _number(data, name, where)
    if value < 1 or value != int(value):
        raise BadCameras(f"{where}: '{name}' must be a positive whole number, not {value:g}.")
    return int(value)
