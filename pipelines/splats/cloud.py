"""A splat cloud in memory, and what is done to one before it is used."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

SH_C0 = 0.28209479177387814
"""Value of the constant spherical harmonic, sqrt(1/4π): a DC coefficient times this, plus 0.5, is a colour."""
MAX_SH_DEGREE = 3
MAX_COORDINATE = 1e12
"""Beyond this a squared distance leaves the range of a 32-bit float."""
MAX_SCALE = 1e9
"""Standard deviation in scene units; its square and the products of projection stay finite."""


def coefficients(degree: int) -> int:
    """Of spherical harmonics up to a degree, for one channel: 1, 4, 9, 16."""
    return (degree + 1) ** 2


@dataclass(frozen=True, slots=True, kw_only=True)
class GaussianCloud:
    """N gaussians in the world of their file; axes as in an INRIA .ply (x right, y down, z forward by custom)."""

    means: Floats
    """(N, 3) centres, scene units."""
    quats: Floats
    """(N, 4) unit quaternions w, x, y, z."""
    scales: Floats
    """(N, 3) standard deviations along the own axes, scene units, positive."""
    opacities: Floats
    """(N,) 0 to 1."""
    sh: Floats
    """(N, K, 3) spherical harmonics of the colour, K = 1, 4, 9 or 16, as INRIA's code orders them."""
    antialiased: bool = False
    """The file says that it was trained with the screen-space filter of Mip-Splatting."""

    @property
    def count(self) -> int:
        return int(self.means.shape[0])

    @property
    def sh_degree(self) -> int:
        return {1: 0, 4: 1, 9: 2, 16: 3}[self.sh.shape[1]]

    @property
    def nbytes(self) -> int:
        return sum(part.nbytes for part in (self.means, self.quats, self.scales, self.opacities, self.sh))

    def subset(self, index: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> GaussianCloud:
        """Those gaussians alone."""
        return GaussianCloud(
            means=self.means[index],
            quats=self.quats[index],
            scales=self.scales[index],
            opacities=self.opacities[index],
            sh=self.sh[index],
            antialiased=self.antialiased,
        )


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where most of a cloud is: stray gaussians far out do not count."""

    centre: tuple[float, float, float]
    radius: float
    """Scene units; of a ball around the centre that holds nine tenths of the weight."""


def without_broken(cloud: GaussianCloud) -> tuple[GaussianCloud, int]:
    """The gaussians that can be drawn, quaternions normalised, and how many were not numbers or out of all range."""
    norm = np.sqrt(np.einsum("ij,ij->i", cloud.quats, cloud.quats, dtype=np.float64))
    with np.errstate(invalid="ignore"):
        good = (
            (np.abs(cloud.means) <= MAX_COORDINATE).all(axis=1)
            & (cloud.scales <= MAX_SCALE).all(axis=1)
            & (cloud.scales >= 0).all(axis=1)
            & np.isfinite(norm)
            & (norm > 1e-12)
            & (cloud.opacities >= 0)
            & (cloud.opacities <= 1)
            & np.isfinite(cloud.sh.reshape(cloud.count, cloud.sh.shape[1] * 3).sum(axis=1))
        )
    broken = cloud.count - int(np.count_nonzero(good))
    if broken:
        cloud, norm = cloud.subset(good), norm[good]
    cloud.quats[:] /= norm[:, None]
    return cloud, broken


def bounds_of(cloud: GaussianCloud) -> Bounds:
    """Median centre and 90th percentile of distance, of a sample of at most 100,000 gaussians."""
    step = max(1, cloud.count // 100_000)
    points = cloud.means[::step].astype(np.float64)
    centre = np.median(points, axis=0)
    radius = float(np.percentile(np.linalg.norm(points - centre, axis=1), 90))
    extent = float(np.median(cloud.scales[::step]))
    return Bounds((float(centre[0]), float(centre[1]), float(centre[2])), max(radius, extent, 1e-6))


def sigmoid(values: Floats) -> Floats:
    """Logit to opacity, without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * values)), dtype=np.float32)
