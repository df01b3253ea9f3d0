"""Errors about models.

InvalidInput
└── ModelInvalid       the model itself is damaged, too new, or does something that the farm refuses
Conflict
└── ModelUnusable      the model is registered, and no job can render it
Unavailable
└── ResidencyFull      everything resident is in use
"""

from __future__ import annotations

from jobs.errors import Conflict, InvalidInput, Unavailable


class ModelInvalid(InvalidInput):
    """The model's file cannot be used."""

    code = "model-invalid"


class ModelUnusable(Conflict):
    """The model was registered, and no job can render it."""

    code = "model-invalid"


class ResidencyFull(Unavailable):
    """Every resident model is in use, and there is no room for another."""

    code = "residency-full"
