"""Errors about models.

InvalidInput
└── ModelInvalid       the model itself is damaged, too new, or does something that the farm refuses
Unavailable
└── ResidencyFull      everything resident is in use
"""

from __future__ import annotations

from jobs.errors import InvalidInput, Unavailable


class ModelInvalid(InvalidInput):
    """The model's file cannot be used."""

    code = "model-invalid"


class ResidencyFull(Unavailable):
    """Every resident model is in use, and there is no room for another."""

    code = "residency-full"
