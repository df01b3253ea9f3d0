"""Projection of gaussians to the screen on the CPU: EWA covariance, spherical harmonics, depth order.

After Kerbl et al., "3D Gaussian Splatting for Real-Time Radiance Field Rendering" (2023) and Zwicker et al., "EWA
Splatting" (2002); the low-pass of 0.3 px² and the clamp of the view direction are those of the CUDA rasterisers, so
that both devices give one picture. All threads write only their own rows: results do not depend on their number.
"""

from __future__ import annotations

import math

import numpy as np

from pipelines.splats.numba_kernels import njit, prange

# Columns of a record: a gaussian on the screen.
X, Y, CONIC_A, CONIC_B, CONIC_C, REACH, OPACITY, RED, GREEN, BLUE, DEPTH, EXTENT_X, EXTENT_Y = range(13)
COLUMNS = 16
"""64 bytes: one cache line."""

F = np.float32
_BLUR = F(0.3)
"""Pixels squared, added to the screen covariance: no gaussian is smaller than a pixel."""
_ZERO, _HALF, _ONE, _TWO, _255 = F(0), F(0.5), F(1), F(2), F(255)
_LIMIT = F(0.15)
"""Of the picture's width beyond each edge, to which the direction for the Jacobian is clamped (0.3 tan(fov/2))."""
_MIN_ALPHA = F(1 / 255)
_HUGE = F(1e30)
"""Determinant, pixels⁴, beyond which its conic would not be a number."""
_FAST = {"contract", "reassoc", "arcp", "nsz", "afn"}
"""No ``nnan`` or ``ninf``: overflow must be seen here."""

_C0 = F(math.sqrt(1 / (4 * math.pi)))
_C1 = F(math.sqrt(3 / (4 * math.pi)))
_C2 = F(math.sqrt(15 / (4 * math.pi)))
_C20 = F(math.sqrt(5 / (16 * math.pi)))
_C22 = F(math.sqrt(15 / (16 * math.pi)))
_C33 = F(math.sqrt(35 / (32 * math.pi)))
_C32 = F(math.sqrt(105 / (4 * math.pi)))
_C31 = F(math.sqrt(21 / (32 * math.pi)))
_C30 = F(math.sqrt(7 / (16 * math.pi)))
_C322 = F(math.sqrt(105 / (16 * math.pi)))
_THREE, _FOUR = F(3), F(4)


@njit(parallel=True, fastmath=_FAST, cache=True, error_model="numpy")
def covariances(quats, scales, out):  # type: ignore[no-untyped-def]
    """(N, 4) unit quaternions and (N, 3) deviations to (N, 6) covariances: xx, xy, xz, yy, yz, zz."""
    for i in prange(quats.shape[0]):
        w, x, y, z = quats[i, 0], quats[i, 1], quats[i, 2], quats[i, 3]
        s0, s1, s2 = scales[i, 0], scales[i, 1], scales[i, 2]
        m00 = (_ONE - _TWO * (y * y + z * z)) * s0
        m01 = _TWO * (x * y - w * z) * s1
        m02 = _TWO * (x * z + w * y) * s2
        m10 = _TWO * (x * y + w * z) * s0
        m11 = (_ONE - _TWO * (x * x + z * z)) * s1
        m12 = _TWO * (y * z - w * x) * s2
        m20 = _TWO * (x * z - w * y) * s0
        m21 = _TWO * (y * z + w * x) * s1
        m22 = (_ONE - _TWO * (x * x + y * y)) * s2
        out[i, 0] = m00 * m00 + m01 * m01 + m02 * m02
        out[i, 1] = m00 * m10 + m01 * m11 + m02 * m12
        out[i, 2] = m00 * m20 + m01 * m21 + m02 * m22
        out[i, 3] = m10 * m10 + m11 * m11 + m12 * m12
        out[i, 4] = m10 * m20 + m11 * m21 + m12 * m22
        out[i, 5] = m20 * m20 + m21 * m21 + m22 * m22


@njit(fastmath=_FAST, cache=True)
def _colour(sh, i, channel, degree, x, y, z):  # type: ignore[no-untyped-def]
    """One channel, seen along a unit direction; 0.5 is added and what is below zero cut off."""
    value = _C0 * sh[i, 0, channel]
    if degree > 0:
        value += _C1 * (z * sh[i, 2, channel] - y * sh[i, 1, channel] - x * sh[i, 3, channel])
    if degree > 1:
        xx, yy, zz = x * x, y * y, z * z
        value += _C2 * (x * y * sh[i, 4, channel] - y * z * sh[i, 5, channel] - x * z * sh[i, 7, channel])
        value += _C20 * (_TWO * zz - xx - yy) * sh[i, 6, channel] + _C22 * (xx - yy) * sh[i, 8, channel]
        if degree > 2:
            value += _C33 * (y * (yy - _THREE * xx) * sh[i, 9, channel] - x * (xx - _THREE * yy) * sh[i, 15, channel])
            value += _C32 * x * y * z * sh[i, 10, channel] + _C322 * z * (xx - yy) * sh[i, 14, channel]
            value -= _C31 * (_FOUR * zz - xx - yy) * (y * sh[i, 11, channel] + x * sh[i, 13, channel])
            value += _C30 * z * (_TWO * zz - _THREE * xx - _THREE * yy) * sh[i, 12, channel]
    value += _HALF
    return value if value > _ZERO else _ZERO


@njit(parallel=True, fastmath=_FAST, cache=True, error_model="numpy")
def project(  # type: ignore[no-untyped-def]
    means, covs, opacities, sh, degree, view, lens, size, near, far, antialiased, records, counts
):
    """Write a record for each gaussian that the picture may show.

    ``view``: (3, 4) world to camera, x right, y down, z forward. ``lens``: fx, fy, cx, cy in pixels. ``size``: width,
    height. ``records`` is cut into as many equal stretches as ``counts`` is long, each filled from its start.
    """
    n = means.shape[0]
    stretches = counts.shape[0]
    stretch = (n + stretches - 1) // stretches
    fx, fy, cx, cy = lens[0], lens[1], lens[2], lens[3]
    width, height = size[0], size[1]
    x_low, x_high = -(cx + _LIMIT * width) / fx, ((width - cx) + _LIMIT * width) / fx
    y_low, y_high = -(cy + _LIMIT * height) / fy, ((height - cy) + _LIMIT * height) / fy
    v00, v01, v02, v03 = view[0, 0], view[0, 1], view[0, 2], view[0, 3]
    v10, v11, v12, v13 = view[1, 0], view[1, 1], view[1, 2], view[1, 3]
    v20, v21, v22, v23 = view[2, 0], view[2, 1], view[2, 2], view[2, 3]
    eye_x = -(v00 * v03 + v10 * v13 + v20 * v23)
    eye_y = -(v01 * v03 + v11 * v13 + v21 * v23)
    eye_z = -(v02 * v03 + v12 * v13 + v22 * v23)
    for block in prange(stretches):
        place = block * stretch
        begin, end = place, min(n, place + stretch)
        for i in range(begin, end):
            opacity = opacities[i]
            if opacity <= _MIN_ALPHA:
                continue
            wx, wy, wz = means[i, 0], means[i, 1], means[i, 2]
            depth = v20 * wx + v21 * wy + v22 * wz + v23
            if not (near < depth < far):
                continue
            px = v00 * wx + v01 * wy + v02 * wz + v03
            py = v10 * wx + v11 * wy + v12 * wz + v13
            inverse = _ONE / depth
            tx, ty = px * inverse, py * inverse
            x, y = fx * tx + cx, fy * ty + cy
            jx = min(x_high, max(x_low, tx))
            jy = min(y_high, max(y_low, ty))
            # Rows of J·W, where J is the Jacobian of the projection at the (clamped) centre.
            a, b = fx * inverse, fy * inverse
            t00, t01, t02 = a * (v00 - jx * v20), a * (v01 - jx * v21), a * (v02 - jx * v22)
            t10, t11, t12 = b * (v10 - jy * v20), b * (v11 - jy * v21), b * (v12 - jy * v22)
            c0, c1, c2, c3, c4, c5 = covs[i, 0], covs[i, 1], covs[i, 2], covs[i, 3], covs[i, 4], covs[i, 5]
            u0, u1, u2 = c0 * t00 + c1 * t01 + c2 * t02, c1 * t00 + c3 * t01 + c4 * t02, c2 * t00 + c4 * t01 + c5 * t02
            w0, w1, w2 = c0 * t10 + c1 * t11 + c2 * t12, c1 * t10 + c3 * t11 + c4 * t12, c2 * t10 + c4 * t11 + c5 * t12
            sxx = t00 * u0 + t01 * u1 + t02 * u2
            sxy = t10 * u0 + t11 * u1 + t12 * u2
            syy = t10 * w0 + t11 * w1 + t12 * w2
            bxx, byy = sxx + _BLUR, syy + _BLUR
            determinant = bxx * byy - sxy * sxy
            if not (_ZERO < determinant < _HUGE):
                continue
            if antialiased:
                opacity *= math.sqrt(max(_ZERO, (sxx * syy - sxy * sxy) / determinant))
                if not opacity > _MIN_ALPHA:
                    continue
            reach = F(math.log(_255 * opacity))
            extent_x, extent_y = math.sqrt(_TWO * reach * bxx), math.sqrt(_TWO * reach * byy)
            # Negated, so that what is no number is left out too.
            if not (x + extent_x > _ZERO and x - extent_x < width and y + extent_y > _ZERO and y - extent_y < height):
                continue
            dx, dy, dz = wx - eye_x, wy - eye_y, wz - eye_z
            length = dx * dx + dy * dy + dz * dz
            scale = _ONE / F(math.sqrt(length)) if length > _ZERO else _ZERO
            dx, dy, dz = dx * scale, dy * scale, dz * scale
            records[place, X] = x
            records[place, Y] = y
            records[place, CONIC_A] = byy / determinant
            records[place, CONIC_B] = -sxy / determinant
            records[place, CONIC_C] = bxx / determinant
            records[place, REACH] = reach
            records[place, OPACITY] = opacity
            records[place, RED] = _colour(sh, i, 0, degree, dx, dy, dz)
            records[place, GREEN] = _colour(sh, i, 1, degree, dx, dy, dz)
            records[place, BLUE] = _colour(sh, i, 2, degree, dx, dy, dz)
            records[place, DEPTH] = depth
            records[place, EXTENT_X] = extent_x
            records[place, EXTENT_Y] = extent_y
            place += 1
        counts[block] = place - begin
