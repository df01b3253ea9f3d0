"""A slow, plain rasteriser in 64 bits: each gaussian over the whole picture, after the formulas of the paper."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipelines.splats.cameras import Camera
from pipelines.splats.cloud import GaussianCloud

Matrix = npt.NDArray[np.float64]


def draw(cloud: GaussianCloud, camera: Camera, *, antialiased: bool = False) -> tuple[Matrix, Matrix, Matrix]:
    """Colour (H, W, 3), light left (H, W), depth times coverage (H, W)."""
    turn, shift = camera.world_to_camera[:3, :3], camera.world_to_camera[:3, 3]
    points = cloud.means.astype(np.float64) @ turn.T + shift
    eye = -turn.T @ shift
    column, row = np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5)
    colour = np.zeros((camera.height, camera.width, 3))
    light = np.ones((camera.height, camera.width))
    depth = np.zeros_like(light)
    closed = np.zeros_like(light, dtype=bool)
    for i in np.argsort(points[:, 2], kind="stable"):
        x, y, z = points[i]
        if z <= 0.01:
            continue
        spread = _covariance(cloud.quats[i].astype(np.float64), cloud.scales[i].astype(np.float64))
        jacobian = _jacobian(camera, x / z, y / z, z)
        flat = jacobian @ turn @ spread @ turn.T @ jacobian.T
        blurred = flat + 0.3 * np.eye(2)
        opacity = float(cloud.opacities[i])
        if antialiased:
            opacity *= np.sqrt(max(0.0, np.linalg.det(flat) / np.linalg.det(blurred)))
        conic = np.linalg.inv(blurred)
        dx, dy = camera.fx * x / z + camera.cx - column, camera.fy * y / z + camera.cy - row
        power = 0.5 * (conic[0, 0] * dx * dx + conic[1, 1] * dy * dy) + conic[0, 1] * dx * dy
        alpha = np.minimum(0.999, opacity * np.exp(-power))
        alpha[alpha < 1 / 255] = 0
        rest = light * (1 - alpha)
        closed |= (alpha > 0) & (rest <= 1e-4)
        weight = np.where(closed, 0, alpha * light)
        direction = cloud.means[i].astype(np.float64) - eye
        basis = harmonics(direction / np.linalg.norm(direction))
        tint = np.maximum(0, basis[: cloud.sh.shape[1]] @ cloud.sh[i].astype(np.float64) + 0.5)
        colour += weight[..., None] * tint
        depth += weight * z
        light = light - weight
    return colour, light, depth


def harmonics(direction: Matrix) -> Matrix:
    """The 16 real spherical harmonics up to degree 3 of a unit vector, with the signs of INRIA's code."""
    x, y, z = direction
    pi = np.pi
    return np.array(
        [
            np.sqrt(1 / (4 * pi)),
            -np.sqrt(3 / (4 * pi)) * y,
            np.sqrt(3 / (4 * pi)) * z,
            -np.sqrt(3 / (4 * pi)) * x,
            np.sqrt(15 / (4 * pi)) * x * y,
            -np.sqrt(15 / (4 * pi)) * y * z,
            np.sqrt(5 / (16 * pi)) * (3 * z * z - 1),
            -np.sqrt(15 / (4 * pi)) * x * z,
            np.sqrt(15 / (16 * pi)) * (x * x - y * y),
            -np.sqrt(35 / (32 * pi)) * y * (3 * x * x - y * y),
            np.sqrt(105 / (4 * pi)) * x * y * z,
            -np.sqrt(21 / (32 * pi)) * y * (5 * z * z - 1),
            np.sqrt(7 / (16 * pi)) * z * (5 * z * z - 3),
            -np.sqrt(21 / (32 * pi)) * x * (5 * z * z - 1),
            np.sqrt(105 / (16 * pi)) * z * (x * x - y * y),
            -np.sqrt(35 / (32 * pi)) * x * (x * x - 3 * y * y),
        ]
    )


def _covariance(quat: Matrix, scale: Matrix) -> Matrix:
    w, x, y, z = quat / np.linalg.norm(quat)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turn = np.eye(3) + 2 * w * cross + 2 * cross @ cross
    return turn @ np.diag(scale**2) @ turn.T


def _jacobian(camera: Camera, u: float, v: float, z: float) -> Matrix:
    """Of the projection, at a direction clamped to 0.3 tan(fov/2) beyond the picture's edges."""
    beyond_x, beyond_y = 0.15 * camera.width / camera.fx, 0.15 * camera.height / camera.fy
    u = np.clip(u, -camera.cx / camera.fx - beyond_x, (camera.width - camera.cx) / camera.fx + beyond_x)
    v = np.clip(v, -camera.cy / camera.fy - beyond_y, (camera.height - camera.cy) / camera.fy + beyond_y)
    return np.array([[camera.fx / z, 0, -camera.fx * u / z], [0, camera.fy / z, -camera.fy * v / z]])
