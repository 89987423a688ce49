"""Which offers a run plans with: the price book as of a moment, or the run's own price rows and nothing else."""

from collections.abc import Sequence
from contextlib import closing
from datetime import datetime

from advisor.plan.schema import TrainingPlan
from pricing.book import SpotRule, offers_as_of
from pricing.observation import PriceRow
from pricing.offer import Offer


def spot_rule(plan: TrainingPlan) -> SpotRule:
    """Return which figure of the spot history the plan asks for."""
    spot = plan.prices.spot
    return SpotRule(basis=spot.basis, days=float(spot.days), quantile=float(spot.quantile))


def offers_in_book(plan: TrainingPlan, as_of: datetime, database_url: str, *, reference_prices: bool) -> list[Offer]:
    """Return what the price book says counted as of the moment; bundled prices fill its gaps where they may.

    Raises:
        DatabaseUnavailable: nothing answers there.
    """
    from pricing.reference import with_reference
    from pricing.store import PriceBook

    with closing(PriceBook.open(database_url)) as book:
        collected = book.offers(as_of, spot_rule(plan))
    return with_reference(collected, as_of, spot_rule(plan)) if reference_prices else collected


def offers_in_rows(plan: TrainingPlan, as_of: datetime, rows: Sequence[PriceRow]) -> list[Offer]:
    """Return what counts of the run's own price rows."""
    return offers_as_of(rows, as_of=as_of, spot=spot_rule(plan))
