"""Gaussian splats: clouds of millions of soft ellipsoids, drawn by our own rasteriser on the CPU, by gsplat on CUDA."""
