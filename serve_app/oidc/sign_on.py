"""Single sign-on of one API process: the provider, and what is under way with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from serve_app.oidc.pending import PendingLogins
from serve_app.oidc.provider import IdentityProvider
from serve_app.oidc.settings import OidcSettings
from serve_app.places import TooManyAtOnce


class SingleSignOn:
    """Opens no connection before somebody logs in: the API starts while the provider is away."""

    def __init__(self, *, settings: OidcSettings, keys: Sequence[str]) -> None:
        """``keys``: those of access tokens, the newest first."""
        self.settings = settings
        self.provider = IdentityProvider(settings=settings)
        self.pending = PendingLogins(keys=keys, lifetime=settings.login_lifetime)
        self._under_way = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """For one login that is checked with the provider. Raises ``TooManyAtOnce``."""
        if self._under_way >= self.settings.max_returns:
            raise TooManyAtOnce(f"{self._under_way} logins are under way.", remedy="Log in again in a moment.")
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1

    async def close(self) -> None:
        await self.provider.close()
