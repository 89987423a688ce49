"""Broken promises of the world that `pricing` touches; expected outcomes are values instead.

PricingError
+-- DatabaseUnavailable   the price book cannot be opened or is of a newer version
"""


class PricingError(Exception):
    """Something outside failed; the message says what, with the value, and the next step."""


class DatabaseUnavailable(PricingError):
    """The database cannot be reached, opened, or is newer than this software."""
