"""Broken promises of the world that `pricing` touches; expected outcomes are values instead.

PricingError
+-- DatabaseUnavailable       the price book cannot be opened or is of a newer version
+-- ProviderError             a provider did not answer as it should; a part of a collection is missing
    +-- CredentialsMissing    nobody to ask as
    +-- CredentialsRefused    expired, revoked or wrong
    +-- PermissionMissing     who asks may not ask this; names the permission
    +-- ProviderUnavailable   refused, timed out, throttled, 5xx: asking again later may help
    +-- UnexpectedPayload     an answer that is not what the provider's interface promises
"""


class PricingError(Exception):
    """Something outside failed; the message says what, with the value, and the next step."""


class DatabaseUnavailable(PricingError):
    """The database cannot be reached, opened, or is newer than this software."""


class ProviderError(PricingError):
    """A provider did not answer as it should."""


class CredentialsMissing(ProviderError):
    """There are no credentials to ask with; the message says where they are looked for."""


class CredentialsRefused(ProviderError):
    """The credentials have expired, or the provider does not know them."""


class PermissionMissing(ProviderError):
    """The provider knows who asks and refuses this call."""

    def __init__(self, message: str, *, permission: str) -> None:
        super().__init__(message)
        self.permission = permission


class ProviderUnavailable(ProviderError):
    """Nothing answers there, or only errors that another day may not bring: refused, timeout, throttling, 5xx."""


class UnexpectedPayload(ProviderError):
    """The provider answered something else than its interface promises: HTML, a missing field, a paging loop."""
