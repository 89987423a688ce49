"""Puts a recommendation into the page: what it says comes from the digest, so that every output tells the same."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from advisor.outputs import phrases
from advisor.outputs.digest import (
    alternative_note,
    bundled_prices,
    by_category,
    by_job,
    excluded_rows,
    first_missed,
    headline,
    next_steps,
    price_ages,
    proof,
    replanned_words,
    savings_phrase,
    segment_costs,
    stopped,
)
from advisor.outputs.html.charts import Bar, PriceChart, amount_bars, price_chart, sum_bars, time_chart
from advisor.recommendation import Line, PriceHistory, Recommendation

if TYPE_CHECKING:
    from jinja2 import Template

MOST_EXCLUDED = 40


@dataclass(frozen=True, slots=True)
class Source:
    """Where prices come from: all lines that share basis, source and moment."""

    basis: str
    source: str
    seen: str
    age: str
    bundled: bool
    lines: int


def report_html(recommendation: Recommendation) -> str:
    """Write the report as one HTML file; the same recommendation gives the same bytes."""
    return _template().render(**_view(recommendation)).rstrip() + "\n"


@cache
def _template() -> "Template":
    from jinja2 import Environment, StrictUndefined

    folder = files("advisor.outputs.html")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["plain"] = phrases.one_line
    environment.globals["style"] = _Trusted(folder.joinpath("style.css").read_text(encoding="utf-8"))
    return environment.from_string(folder.joinpath("report.html").read_text(encoding="utf-8"))


class _Trusted(str):
    """Our own style sheet: the only text of the page that is not escaped."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


def _view(answer: Recommendation) -> Mapping[str, Any]:
    first, *rest = headline(answer)
    excluded, hidden = excluded_rows(answer.excluded, MOST_EXCLUDED)
    view: dict[str, Any] = {
        "answer": answer,
        "say": phrases,
        "first": first,
        "rest": rest,
        "saved": savings_phrase(answer.savings),
        "stopped": stopped(answer),
        "ages": price_ages(answer) if answer.total is not None else None,
        "bundled": bundled_prices(answer),
        "next_steps": next_steps(answer) if answer.total is None else [],
        "excluded": excluded,
        "hidden": hidden,
        "sources": sources(answer),
    }
    if answer.total is not None:
        view |= {
            "chart": time_chart(answer),
            "jobs": sum_bars(by_job(answer)),
            "categories": sum_bars(by_category(answer)),
            "groups": by_job(answer),
            "costs": segment_costs(answer),
            "plans": compared(answer),
            "prices": [(history, price_chart(history, answer.as_of)) for history in answer.price_history],
            "pool_name": _pool_name,
            "cases": [
                (
                    one.case,
                    phrases.usd_difference(Decimal(one.as_planned.added.amount)),
                    first_missed(one),
                    replanned_words(one),
                )
                for one in answer.sensitivity
            ],
        }
    return view


def compared(answer: Recommendation) -> list[Bar]:
    """Set this plan beside the others: total, difference, how good each is known to be."""
    total = Decimal(answer.total.amount) if answer.total else Decimal(0)
    rows: list[tuple[str, Decimal | None, str, str]] = [("this plan", total, proof(answer.status, answer.gap), "own")]
    others = [(one.description, one.total, alternative_note(one)) for one in answer.alternatives]
    if saved := answer.savings:
        others.insert(0, (saved.against, saved.total, proof(saved.status, saved.gap)))
    for name, money, note in others:
        amount = None if money is None else Decimal(money.amount)
        difference = "" if amount is None else f"{phrases.usd_difference(amount - total)} · "
        rows.append((name, amount, f"{difference}{note}", ""))
    return amount_bars(rows)


def sources(answer: Recommendation) -> list[Source]:
    """List where prices come from, in the order of the lines."""
    found: dict[tuple[str, ...], tuple[Line, int]] = {}
    for line in answer.lines:
        key = (line.basis, line.source, str(line.observed_at), str(line.known_at))
        found[key] = (line, found[key][1] + 1 if key in found else 1)
    return [
        Source(
            basis=line.basis.replace("_", " "),
            source=line.source,
            seen="" if line.observed_at is None else phrases.clock(line.observed_at),
            age="" if line.known_at is None else phrases.age(answer.as_of - line.known_at),
            bundled=line.bundled,
            lines=count,
        )
        for line, count in found.values()
    ]


def _pool_name(history: PriceHistory, chart: PriceChart) -> str:
    place = history.zone if history.zone and history.zone.startswith(history.region) else history.region
    zone = f" {history.zone}" if history.zone and not history.zone.startswith(history.region) else ""
    market = phrases.MARKETS.get(history.market, history.market)
    moved = phrases.counted(chart.moves, "move")
    return f"{history.machine} {market}, {history.provider} {place}{zone}: {moved}"
