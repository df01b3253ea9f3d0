# SPDX-License-Identifier: GPL-3.0-or-later
"""Rayfarm in Blender: submit the open scene, watch its frames, open them."""


def register() -> None:
    from . import registration  # not above: `farm` below this package also runs where there is no Blender

    registration.register()


def unregister() -> None:
    from . import registration

    registration.unregister()
