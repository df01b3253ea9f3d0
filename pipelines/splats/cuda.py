"""The CUDA rasteriser: gsplat behind the same call as the CPU's. Imports torch only where it is asked for."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

import numpy as np

from pipelines.splats.build_cuda import built, gsplat_folder
from pipelines.splats.cameras import Camera
from pipelines.splats.cloud import GaussianCloud
from pipelines.splats.drawing import Drawing, DrawOptions


def why_not() -> str | None:
    """Why this process cannot draw on CUDA; None: it can."""
    if importlib.util.find_spec("torch") is None:
        return "the package torch is not installed"
    gsplat = gsplat_folder()
    if gsplat is None:
        return "the package gsplat is not installed"
    torch: Any = importlib.import_module("torch")  # heavy, and only where a card is asked for
    if not torch.cuda.is_available():
        return "PyTorch sees no CUDA device"
    if not built(gsplat).is_file():  # asked first: at the import gsplat would try to compile them, in this process
        return "gsplat's kernels are not built (python -m pipelines.splats.build_cuda)"
    try:
        importlib.import_module("gsplat.csrc")
    except ImportError as error:  # built for another torch
        return f"gsplat's kernels do not load ({error}); build them again: python -m pipelines.splats.build_cuda"
    return None


class CudaRasteriser:
    """Keeps the cloud in video memory."""

    def __init__(self, cloud: GaussianCloud) -> None:
        self._torch: Any = importlib.import_module("torch")
        self._gsplat: Any = importlib.import_module("gsplat")
        self._on = self._torch.device("cuda")
        self._means = self._tensor(cloud.means)
        self._quats = self._tensor(cloud.quats)
        self._scales = self._tensor(cloud.scales)
        self._opacities = self._tensor(cloud.opacities)
        self._sh = self._tensor(cloud.sh)
        self._degree = cloud.sh_degree
        self.device = f"CUDA: {self._torch.cuda.get_device_name(self._on)}"

    def draw(self, camera: Camera, options: DrawOptions) -> Drawing:
        """One picture; no background, so that both devices lay it below in the same way."""
        lens = np.array([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]], np.float32)
        with self._torch.no_grad():
            picture, alpha, facts = self._gsplat.rasterization(
                means=self._means,
                quats=self._quats,
                scales=self._scales,
                opacities=self._opacities,
                colors=self._sh,
                viewmats=self._tensor(camera.world_to_camera.astype(np.float32))[None],
                Ks=self._tensor(lens)[None],
                width=camera.width,
                height=camera.height,
                near_plane=options.near,
                far_plane=options.far,
                sh_degree=min(options.sh_degree, self._degree),
                packed=True,
                render_mode="RGB+D" if options.depth else "RGB",
                rasterize_mode="antialiased" if options.antialiased else "classic",
            )
        pixels = picture[0].cpu().numpy()
        return Drawing(
            colour=np.ascontiguousarray(pixels[..., :3]),
            light=np.ascontiguousarray(1 - alpha[0, ..., 0].cpu().numpy()),
            depth=np.ascontiguousarray(pixels[..., 3]) if options.depth else None,
            seen=int(facts["radii"].shape[0]),  # packed: a row for each that is seen
        )

    def peak_bytes(self) -> int:
        """Video memory at its highest so far."""
        return int(self._torch.cuda.max_memory_allocated(self._on))

    def _tensor(self, array: Any) -> Any:
        return self._torch.from_numpy(np.ascontiguousarray(array)).to(self._on)
