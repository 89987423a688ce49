"""Cells of a row of measured runs: blank, unreadable and impossible ones are unknown."""

from collections.abc import Mapping

Row = Mapping[str, str]

# More than this no column but the tokens of a run has.
MOST, MOST_TOKENS = 1e9, 1e18


def text(row: Row, column: str) -> str:
    """Return a column in small letters; blank where the row lacks it."""
    return (row.get(column) or "").strip().lower()


def number(row: Row, column: str) -> float | None:
    """Read a positive number; None where the cell is blank, none, or more than any run has."""
    cell = (row.get(column) or "").strip().replace(",", "")
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if 0 < value <= (MOST_TOKENS if column == "train_tokens" else MOST) else None


def count(row: Row, column: str, otherwise: int) -> int:
    """Read a whole number of at least one."""
    value = number(row, column)
    return otherwise if value is None else max(1, round(value))
