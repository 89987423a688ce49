"""The price book: what counts as of a moment, every observation, and statistics; as JSON or CSV, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from advisor.cli.price_tables import FIGURES, offer_document, statistics_line
from advisor.errors import Fault
from advisor.recommendation import Moment
from api.bodies import moment_of
from api.dependencies import BookOf, SettingsOf
from api.documented import problems
from api.problems import Problem
from api.replies import CSV_TYPE, JSON_TYPE, csv_text, cursor_of, json_text, place_of, preferred, tagged
from pricing.book import SpotRule
from pricing.moments import moment, moment_text
from pricing.offer import Market
from pricing.reference import with_reference
from pricing.sheet import COLUMNS, cells_of
from pricing.store import Filter

router = APIRouter(prefix="/v1/prices", tags=["prices"])

NEXT_CURSOR = "X-Next-Cursor"
PAGE = f"A page; of a CSV the header {NEXT_CURSOR} leads to the next."
LONGEST_DAYS = 36_500
PLACE = ("series", "at", "turn")
POOL = ("provider", "region", "zone", "machine", "market", "os", "term", "start", "end", "currency")
STATISTICS = (
    *(*POOL, "rows", "changes"),
    *(f"{name}_usd_per_hour" for name in FIGURES),
    *("volatility", "share_at_on_demand", "last_seen", "origin"),
)

Word = Annotated[str | None, Query(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")]


class PriceFields(BaseModel):
    """The columns of the price sheet; what is absent is null. Money is decimal text per hour of a whole machine."""

    provider: str
    region: str
    zone: str | None
    machine: str
    market: Market
    usd_per_hour: str
    observed_at: Moment
    source: str
    currency: str
    term: str | None
    upfront_usd: str | None
    start: Moment | None
    end: Moment | None
    available_nodes: int | None
    interruption_rate_per_hour: float | None
    os: str
    confirmed_at: Moment | None


class OfferDocument(PriceFields):
    """A price that counts, with what kind of figure it is and its age."""

    basis: str
    age_hours: float
    origin: Literal["bundled", "collected"] = Field(description="bundled: a reference price that came with the product")


class OfferPage(BaseModel):
    """Offers as of a moment, which stays the same from page to page."""

    as_of: Moment
    offers: list[OfferDocument]
    next_cursor: str | None


class ObservationPage(BaseModel):
    """Observations, pool by pool, each in the order of time."""

    as_of: Moment
    observations: list[PriceFields]
    next_cursor: str | None


class PoolStatistics(BaseModel):
    """How one price moved in the window: each figure weighted by how long the price held."""

    provider: str
    region: str
    zone: str | None
    machine: str
    market: Market
    os: str
    term: str | None
    start: Moment | None
    end: Moment | None
    currency: str
    rows: int = Field(description="how often it was seen inside the window")
    changes: int = Field(description="how often it moved")
    least_usd_per_hour: str
    mean_usd_per_hour: str
    p10_usd_per_hour: str
    p50_usd_per_hour: str
    p90_usd_per_hour: str
    most_usd_per_hour: str
    last_usd_per_hour: str
    largest_rise_usd_per_hour: str = Field(description="largest single move up, 0 without one")
    largest_drop_usd_per_hour: str = Field(description="largest single move down, 0 without one")
    trend_a_day_usd_per_hour: str | None = Field(description="slope of the best straight line, a day")
    volatility: float = Field(description="standard deviation over time as a share of the mean")
    share_at_on_demand: float | None = Field(
        description="of spot: share of the time at or above the on-demand price; null where that is not known"
    )
    last_seen: Moment
    origin: Literal["bundled", "collected"] = Field(description="of the last price seen")


class StatisticsPage(BaseModel):
    """Statistics of every price between two moments."""

    begin: Moment = Field(serialization_alias="from")
    until: Moment = Field(serialization_alias="to")
    pools: list[PoolStatistics]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What every route of prices may be asked: filters, a moment, a page."""

    wanted: Filter
    as_of: datetime
    limit: int
    cursor: str | None


def _asked(
    provider: Word = None,
    region: Word = None,
    machine: Word = None,
    market: Annotated[Market | None, Query()] = None,
    as_of: Annotated[str | None, Query(max_length=40, description="like 2026-11-24T00:00:00Z; default now")] = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    cursor: Annotated[str | None, Query(max_length=500, description="next_cursor of the page before")] = None,
) -> Asked:
    wanted = Filter(provider=provider, region=region, machine=machine, market=market)
    return Asked(wanted, moment_of(as_of, "as_of", datetime.now(UTC)), limit, cursor)


AskedOf = Annotated[Asked, Depends(_asked)]


def _answers(model: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    return {
        200: {
            "model": model,
            "content": {"text/csv": {}},
            "description": f"A page; of CSV, {NEXT_CURSOR} names the next.",
        },
        304: {"description": "The client has it already."},
        **problems(403, 422, 500, 503),
    }


@router.get("", summary="Prices that count as of a moment", response_class=Response, responses=_answers(OfferPage))
def offers(
    request: Request,
    book: BookOf,
    chosen: SettingsOf,
    asked: AskedOf,
    spot_basis: Literal["last", "mean", "quantile"] = "mean",
    spot_days: Annotated[float, Query(gt=0, le=LONGEST_DAYS)] = 30,
    spot_quantile: Annotated[float, Query(ge=0, le=1)] = 0.5,
) -> Response:
    """Return one price for each pool and market, with basis, source and age, as `advisor prices show` does.

    Bundled reference prices fill the gaps of the price book where ADVISOR_REFERENCE_PRICES is on.
    """
    as_of, begin = _numbered_place(asked)
    rule = SpotRule(basis=spot_basis, days=spot_days, quantile=spot_quantile)
    found = book.offers(as_of, rule, asked.wanted)
    if chosen.reference_prices == "on":
        found = with_reference(found, as_of, rule, asked.wanted)
    if chosen.reference_prices == "on":
        found = with_reference(found, as_of, rule, asked.wanted)
    rows = [offer_document(offer, as_of) for offer in found[begin : begin + asked.limit]]
    following = _next_number(as_of, begin, asked.limit, len(found))
    document = {"as_of": moment_text(as_of), "offers": rows, "next_cursor": following}
    return _page(request, document, (*COLUMNS, "basis", "age_hours", "origin"), rows)


@router.get("/history", summary="Every observation", response_class=Response, responses=_answers(ObservationPage))
def history(request: Request, book: BookOf, asked: AskedOf) -> Response:
    """Return what was seen by the moment, pool by pool in the order of time, with what has been confirmed since."""
    as_of, after = asked.as_of, None
    if asked.cursor is not None:
        place = place_of(asked.cursor, {"as_of": str} | dict.fromkeys(PLACE, int))
        series, at, turn = (_small(place[name]) for name in PLACE)
        as_of, after = _pinned(place["as_of"]), (series, at, turn)
    found, last = book.page(asked.wanted, as_of, asked.limit, after)
    rows = [
        {
            **{name: text or None for name, text in cells_of(row).items()},
            "available_nodes": row.available_nodes,
            "interruption_rate_per_hour": row.interruption_rate_per_hour,
        }
        for row in found
    ]
    following = None
    if last is not None:
        following = cursor_of({"as_of": as_of.isoformat(), **dict(zip(PLACE, last, strict=True))})
    document = {"as_of": moment_text(as_of), "observations": rows, "next_cursor": following}
    return _page(request, document, COLUMNS, rows)


@router.get("/statistics", summary="How prices moved", response_class=Response, responses=_answers(StatisticsPage))
def statistics(
    request: Request,
    chosen: SettingsOf,
    book: BookOf,
    asked: AskedOf,
    days: Annotated[float, Query(gt=0, le=3_660, description="length of the window that ends at as_of")] = 30,
) -> Response:
    """Return least, mean, quantiles and most of every price in the window, each weighted by time."""
    from pricing.history import statistics as tabulated

    until, start = _numbered_place(asked)
    begin = until - timedelta(days=days)
    caps = book.window(begin, until, replace(asked.wanted, market="on_demand"))
    table = tabulated(book.window(begin, until, asked.wanted), begin=begin, until=until, caps=caps)
    lines = [statistics_line(line) for line in table.to_dict("records")]
    shown = lines[start : start + asked.limit]
    following = _next_number(until, start, asked.limit, len(lines))
    window = {"from": moment_text(begin), "to": moment_text(until)}
    return _page(request, {**window, "pools": shown, "next_cursor": following}, STATISTICS, shown)


def _page(
    request: Request, document: dict[str, Any], columns: Sequence[str], rows: Sequence[dict[str, Any]]
) -> Response:
    if preferred(request, (JSON_TYPE, "text/csv")) == JSON_TYPE:
        return tagged(request, json_text(document))
    following = document["next_cursor"]
    return tagged(request, csv_text(columns, rows), CSV_TYPE, {NEXT_CURSOR: following} if following else None)


def _numbered_place(asked: Asked) -> tuple[datetime, int]:
    """Return the moment and the first row of a page of what is computed afresh each time, in a fixed order."""
    if asked.cursor is None:
        return asked.as_of, 0
    place = place_of(asked.cursor, {"as_of": str, "from": int})
    return _pinned(place["as_of"]), _small(place["from"])


def _next_number(as_of: datetime, begin: int, limit: int, count: int) -> str | None:
    return cursor_of({"as_of": as_of.isoformat(), "from": begin + limit}) if begin + limit < count else None


def _pinned(text: str) -> datetime:
    try:
        return moment_of(text, "cursor", moment(text))
    except ValueError as error:
        raise Problem("invalid-request", f"cursor: {error}", [Fault("cursor", str(error))]) from None


def _small(number: int) -> int:
    """Return a number of a cursor that every database can hold."""
    if not -(2**62) < number < 2**62:
        raise Problem("invalid-request", "cursor: holds a number out of range", [Fault("cursor", "is out of range")])
    return number
