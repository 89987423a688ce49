"""Exact money: whole micro-USD inside, decimal text at the edges. The one place that rounds.

A quoted price is kept in whole micro-USD (half-even) from the moment it is read. A line of a bill is
quantity x unit price, rounded half-even to cents. Both rules stand in the contract, "Arithmetic".
"""

from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

MICRO_USD_PER_USD = 1_000_000
MICRO_USD_PER_CENT = 10_000


def half_even(value: Fraction | Decimal | int) -> int:
    """Round to a whole number, ties to the even neighbour (exact for fractions of any size)."""
    return round(Fraction(value))


def decimal_of(value: str | int | float | Decimal) -> Decimal:
    """Return the number as it was written: a float counts as its shortest decimal text, 55.04 as 55.04.

    Raises:
        ValueError: the text is no finite number.
    """
    try:
        number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    except ArithmeticError as error:
        raise ValueError(f"{value!r} is not a number") from error
    if not number.is_finite():
        raise ValueError(f"{value!r} is not a finite number")
    return number


def micro_usd(usd: str | int | float | Decimal | Fraction) -> int:
    """Convert USD to whole micro-USD, half-even."""
    exact = usd if isinstance(usd, Fraction) else Fraction(decimal_of(usd))
    return half_even(exact * MICRO_USD_PER_USD)


def cents(exact_micro_usd: Fraction | int) -> int:
    """Round an exact amount in micro-USD half-even to whole cents."""
    return half_even(Fraction(exact_micro_usd) / MICRO_USD_PER_CENT)


def cents_text(amount_cents: int) -> str:
    """Write whole cents as decimal USD text: 123456 becomes "1234.56"."""
    sign, rest = ("-" if amount_cents < 0 else ""), abs(amount_cents)
    return f"{sign}{rest // 100}.{rest % 100:02d}"


def micro_usd_text(amount_micro_usd: int) -> str:
    """Write micro-USD as decimal USD text with two to six places: 55040000 becomes "55.04"."""
    text = str((Decimal(amount_micro_usd) / MICRO_USD_PER_USD).quantize(Decimal("0.000001"), ROUND_HALF_EVEN))
    whole, _, places = text.partition(".")
    return f"{whole}.{places.rstrip('0').ljust(2, '0')}"
