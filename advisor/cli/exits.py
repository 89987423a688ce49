"""The one table from errors to exit codes (contract, "Console command")."""

FINE = 0
OTHER = 1
BAD_DOCUMENT = 2
NO_PLAN = 3
NO_PRICES = 4
UNREACHABLE = 5


def exit_code_of(error: Exception) -> tuple[int, str]:
    """Return the exit code and the message of an error that nobody below has handled."""
    from advisor.errors import DocumentInvalid, UsageInvalid
    from pricing.errors import PricingError

    if isinstance(error, DocumentInvalid | UsageInvalid):
        return BAD_DOCUMENT, str(error)
    if isinstance(error, PricingError):
        return UNREACHABLE, str(error)
    if isinstance(error, OSError):
        return OTHER, f"{error.strerror or error}: {error.filename}" if error.filename else str(error)
    return OTHER, f"Unexpected {type(error).__name__}: {error}. Run again with --debug for the details."
