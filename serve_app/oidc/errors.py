"""Why a login at an identity provider came to nothing."""

from __future__ import annotations

from jobs.errors import Conflict, Forbidden, Unauthorized, Unavailable


class SignInFailed(Unauthorized):
    """This sign-in cannot be trusted, or is over."""

    code = "sign-in-failed"


class SignInRefused(Forbidden):
    """The identity provider knows this person, and the farm does not let them in."""

    code = "sign-in-refused"


class AddressTaken(Conflict):
    """Another account has this e-mail address."""

    code = "address-taken"


class IdentityProviderUnavailable(Unavailable):
    """The identity provider does not answer, or not as it should."""

    code = "identity-provider-unavailable"
