"""A linear model in integers, kept apart from any engine so that two can solve it: one fast, one exact."""

from collections.abc import Iterable
from dataclasses import dataclass, field

Terms = list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Row:
    """Sum of coefficient x variable is at most `limit`."""

    terms: Terms
    limit: int


@dataclass(slots=True)
class LinearModel:
    """Bounded integer variables by number, and rows over them.

    A plan gives every variable a whole value; `whole` marks those whose wholeness a relaxation should keep.
    """

    lower: list[int] = field(default_factory=list)
    upper: list[int] = field(default_factory=list)
    whole: list[bool] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)

    def variable(self, lower: int, upper: int, *, whole: bool = True) -> int:
        """Add a variable between two integers and return its number."""
        self.lower.append(lower)
        self.upper.append(upper)
        self.whole.append(whole)
        return len(self.lower) - 1

    def at_most(self, terms: Iterable[tuple[int, int]], limit: int) -> None:
        """Add a row: sum of coefficient x variable <= limit; a variable may occur more than once."""
        added: dict[int, int] = {}
        for number, weight in terms:
            added[number] = added.get(number, 0) + weight
        self.rows.append(Row([(number, weight) for number, weight in added.items() if weight], limit))
