"""What reading AWS's answers ends in, and the few words that all of its price lists share."""

from dataclasses import dataclass, field
from fractions import Fraction

from pricing.collectors.base import Remark
from pricing.money import decimal_of
from pricing.observation import PriceRow

HOURS_PER_YEAR = 8760
# In the order of what is paid at the beginning: nothing, half, all.
PAYMENTS = ("No Upfront", "Partial Upfront", "All Upfront")
NO_PRICE = "a price of $0 is no price"


@dataclass(slots=True)
class Reading:
    """What was made of answers: rows, and what could not be read, fits no rule, or is not sold this way."""

    rows: list[PriceRow] = field(default_factory=list)
    rejected: list[Remark] = field(default_factory=list)
    unknown: list[Remark] = field(default_factory=list)
    excluded: list[Remark] = field(default_factory=list)


def amount_of(value: object) -> Fraction:
    """Read an amount of money exactly.

    Raises:
        ValueError: it is no number that money can be.
    """
    number = decimal_of(str(value))
    # By digits first: arithmetic on 1e999999999 never ends.
    if number and not -30 <= number.adjusted() <= 9:
        raise ValueError(f"{str(value)[:40]!r} is no amount of money")
    if number < 0:
        raise ValueError(f"{str(value)[:40]!r} is negative")
    return Fraction(number)
