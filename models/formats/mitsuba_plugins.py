"""What a Mitsuba scene may be made of: tags of its XML and the plugins behind each.

A plugin's name becomes the path of a library that Mitsuba loads, so one that is not listed never reaches it
(``type="../../model/evil"`` would run the uploader's code). Left out on purpose: ``blender`` (reads memory addresses
that the file names) and the integrators that only differentiate.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


_TEXTURES = _names("bitmap checkerboard mesh_attribute volume")
_SPECTRA = _names("blackbody d65 irregular rawconstant regular srgb uniform")
_BSDFS = _names(
    "blendbsdf bumpmap circular conductor dielectric diffuse hair mask measured measured_polarized normalmap null "
    "plastic polarizer pplastic principled principledthin retarder roughconductor roughdielectric roughplastic "
    "thindielectric twosided"
)
_SHAPES = _names(
    "bsplinecurve cube cylinder disk ellipsoids ellipsoidsmesh instance linearcurve merge obj ply rectangle sdfgrid "
    "serialized shapegroup sphere"
)

PLUGINS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "bsdf": _BSDFS,
        "emitter": _names("area constant directional directionalarea envmap point projector spot sunsky timed_sunsky"),
        "film": _names("hdrfilm specfilm"),
        "integrator": _names("aov depth direct moment path ptracer stokes volpath volpathmis"),
        "medium": _names("heterogeneous homogeneous"),
        "phase": _names("blendphase hg isotropic rayleigh sggx tabphase"),
        "rfilter": _names("box catmullrom gaussian lanczos mitchell tent"),
        "sampler": _names("independent ldsampler multijitter orthogonal stratified"),
        "sensor": _names("batch distant irradiancemeter orthographic perspective radiancemeter thinlens"),
        "shape": _SHAPES,
        "spectrum": _SPECTRA | _TEXTURES,
        "texture": _TEXTURES | _SPECTRA,
        "volume": _names("constvolume gridvolume"),
    }
)
"""Tag → plugins of Mitsuba 3.9."""

TAG_OF: Mapping[str, str] = MappingProxyType(
    {plugin: tag for tag, plugins in PLUGINS.items() if tag != "spectrum" for plugin in plugins}
    | dict.fromkeys(_SPECTRA, "spectrum")
)
"""Plugin → tag, for scenes that are written as JSON and name no tags."""

VALUES = _names("boolean float integer point rgb spectrum string vector")
"""Tags that hold a property's value."""

TRANSFORMS = _names("lookat matrix rotate scale translate")
"""Steps of a ``<transform>``."""

STRUCTURE = _names("alias ref scene transform")

ATTRIBUTES = _names("angle as filename id name origin target type up value version x y z")
"""All that a tag may carry."""


def is_file_property(name: str) -> bool:
    """Whether a string property of this name is the path of a file (``filename``, ``normals_filename``)."""
    return name.replace("_", "").casefold().endswith("filename")
