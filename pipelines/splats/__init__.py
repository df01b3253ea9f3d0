"""Gaussian splats: clouds of millions of soft ellipsoids, rendered by our own rasteriser on the CPU or gsplat on CUDA."""
