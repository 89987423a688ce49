"""The weekly report as a document: every figure with its origin, unknown with its reason."""

from typing import Any, Literal

from pydantic import Field

from advisor.recommendation import Moment, Money, Part

Outcome = Literal["optimal", "feasible", "infeasible", "undecided", "prices_missing", "done", "not_solved"]


class Move(Part):
    """How one price stood in the week and in the week before; means are weighted by time."""

    provider: str
    machine: str
    market: str
    place: str = Field(description="zone, or region where the price is for all of it")
    before_usd_per_hour: str | None = Field(description="mean of the week before; null: not known then")
    usd_per_hour: str | None = Field(description="mean of the week; null: another currency than USD")
    last_usd_per_hour: str
    change: float | None = Field(description="mean less mean before, as a share of it")
    changes: int = Field(description="how often it moved in the week")
    currency: str
    source: str
    observed_at: Moment


class Solve(Part):
    """A plan's cost still to come, from a moment on, at the prices of a moment."""

    start: Moment
    prices_as_of: Moment
    status: Outcome
    total: Money | None
    gap: float | None
    reason: str | None = None


class MonthCost(Part):
    """What a job costs in a calendar month (UTC): its lines by the hours that lie in it, to the cent."""

    job: str | None = Field(description="null: what belongs to the whole plan")
    month: str
    cost: Money


class OpenPlan(Part):
    """A stored plan that goes on after the week, solved again."""

    id: str
    plan: str
    created_at: Moment
    finish: Moment = Field(description="the last deadline, or the recommended finish where there is none")
    recommended: Money | None = Field(description="total as it was recommended, all of the plan")
    done_tokens: dict[str, int] = Field(description="taken as done by the report's moment, as was recommended")
    before: Solve = Field(description="from the week's begin, at the prices of then")
    repriced: Solve = Field(description="from the week's begin, at the prices of the report's moment")
    now: Solve = Field(description="from the report's moment, at its prices")
    change: Money | None
    by_prices: Money | None
    by_time: Money | None
    why: str
    rests_on: str = Field(description="how old the prices are that the present cost rests on, and which are bundled")
    months: list[MonthCost]


class OldPrices(Part):
    """Prices of one machine on one market that are too old to plan with."""

    provider: str
    machine: str
    market: str
    places: int
    youngest_hours: float
    oldest_hours: float


class WeeklyReport(Part):
    """The report of one ISO week, version 1."""

    version: Literal[1] = 1
    week: str
    begin: Moment
    end: Moment
    as_of: Moment = Field(description="the moment whose prices count: the week's end, or now where that is earlier")
    software: str
    observations: int = Field(description="prices seen inside the week")
    max_age_hours: float
    moves: list[Move]
    plans: list[OpenPlan]
    old_prices: list[OldPrices]
    notes: list[str]

    @property
    def empty(self) -> bool:
        """Whether nothing was seen and nothing is open."""
        return not (self.observations or self.plans)

    def document(self) -> dict[str, Any]:
        """Return the document as plain JSON values."""
        return self.model_dump(mode="json")
