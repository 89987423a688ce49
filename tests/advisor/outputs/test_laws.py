"""Laws of the outputs on any recommendation: sums hold, names survive, nothing is cut or taken for markup."""

import csv
import io
from decimal import Decimal

from answer_builders import AS_OF, OWNED_ORIGIN, answer, at, job_result, line, rented, segment, segment_lines
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.cells import cell_len
from rich.console import Console

from advisor.outputs.costs import COLUMNS, FORMULA_STARTS, costs_csv
from advisor.outputs.digest import by_category, by_job, segment_costs
from advisor.outputs.markdown import report_markdown
from advisor.outputs.phrases import usd
from advisor.outputs.terminal import render
from advisor.recommendation import Excluded, Recommendation

PRINTABLE = st.characters(exclude_categories=("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs")) | st.just(" ")
MARKUP = st.sampled_from(list("[]|`*_<>&\\~$#:@='+-/.()!1"))
NAMES = (
    st.text(PRINTABLE | MARKUP, min_size=1, max_size=64)
    .map(str.strip)
    .filter(lambda name: name and name.isprintable() and name != "whole plan")
)
HOSTILE_NAMES = st.sampled_from(
    [
        "[bold red]x[/]",
        "a|b",
        "`x`",
        "```",
        "<script>",
        "&amp;",
        "a\\",
        "\\|",
        "- x",
        "1. x",
        ":tada:",
        "_y_",
        "調" * 64,
    ]
)
NASTY_TEXTS = st.text(max_size=60) | st.sampled_from(["\x1b[31mred", "=1+1", "a\nb", "\u202eevil", "[link=x]y[/link]"])
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
LAW = settings(deadline=None, max_examples=40)
USD = st.decimals("0.000001", "99999", places=6).map(str)


@st.composite
def answers(draw: st.DrawFn) -> Recommendation:
    """Draw a plan of up to three jobs of any name, owned and rented segments, lines of any price."""
    names = draw(st.lists(NAMES | HOSTILE_NAMES, min_size=1, max_size=3, unique=True))
    market = draw(st.sampled_from(["on_demand", "spot", "capacity_block"]))
    segments, lines = [], []
    for index, name in enumerate(names):
        begin = draw(st.integers(0, 2000))
        length = draw(st.integers(1, 500))
        kind = rented(market) if draw(st.booleans()) else {}
        segments.append(segment(name, begin, begin + length, nodes=draw(st.integers(1, 4096)), **kind))
        lines += segment_lines(segments[-1], "somewhere", {"compute": draw(USD), "power": draw(USD)})
        text, source = draw(NASTY_TEXTS), draw(NASTY_TEXTS)
        lines.append(line(name if index else None, "storage", text, 7, draw(USD), source=source, observed_at=AS_OF))
    jobs = [job_result(name, segments, lines, deadline=draw(st.sampled_from([None, at(2600)]))) for name in names]
    excluded = [Excluded(what=draw(NASTY_TEXTS), reason=draw(NASTY_TEXTS)) for _ in range(draw(st.integers(0, 3)))]
    return answer(segments, lines, jobs, warnings=[draw(NASTY_TEXTS)], excluded=excluded)


def total_of(plan: Recommendation) -> Decimal:
    """Return the plan's total."""
    assert plan.total is not None
    return Decimal(plan.total.amount)


def dollars(text: str) -> Decimal:
    """Read an amount as outputs write it."""
    return Decimal(text.replace("$", "").replace(",", "").replace("*", ""))


def tables(markdown: str) -> list[list[list[str]]]:
    """Return the report's tables as the texts that a reader sees."""
    found: list[list[list[str]]] = []
    inside = False
    for token in MARKDOWN.parse(markdown):
        inside = token.type != "table_close" and (inside or token.type == "table_open")
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type == "inline" and inside:
            found[-1][-1].append("".join(child.content for child in token.children or []))
    return found


def shown(plan: Recommendation, width: int = 80, encoding: str = "utf-8") -> str:
    """Render as a terminal of this encoding would show it, without colour."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="\n")
    render(plan, Console(file=stream, width=width, color_system=None))
    stream.flush()
    return stream.buffer.getvalue().decode(encoding)


def squeezed(text: str) -> str:
    """Return the text without any white space."""
    return "".join(text.split())


@LAW
@given(answers())
def test_sums_of_groups(plan: Recommendation):
    """Sums by job and by category are each the total to the cent; what belongs to no segment is in no segment's."""
    segments = sum(segment_costs(plan), Decimal(0))
    staged = sum((Decimal(one.cost.amount) for one in plan.lines if one.category == "storage"), Decimal(0))

    assert total_of(plan) == sum(group.cost for group in by_job(plan))
    assert total_of(plan) == sum(group.cost for group in by_category(plan))
    assert total_of(plan) == segments + staged


@LAW
@given(answers())
def test_costs_csv(plan: Recommendation):
    """costs.csv adds up to the total, names its jobs as they are, and holds no cell that would run as a formula."""
    rows = list(csv.DictReader(io.StringIO(costs_csv(plan))))

    assert total_of(plan) == sum(Decimal(row["cost_usd"]) for row in rows)
    assert all(row["job"] in {one.job or "", f"'{one.job}"} for row, one in zip(rows, plan.lines, strict=True))
    assert not any(str(cell).startswith(FORMULA_STARTS) for row in rows for cell in row.values())
    assert all(tuple(row) == COLUMNS for row in rows)


@LAW
@given(answers())
def test_report_sums(plan: Recommendation):
    """Every table of costs in report.md adds up to the total, as a Markdown parser reads it."""
    found = {tuple(table[0]): table[1:] for table in tables(report_markdown(plan))}
    lines = next(rows for header, rows in found.items() if "Unit price" in header)
    sums = [rows for header, rows in found.items() if header[-1] == "Sum"]

    assert total_of(plan) == sum(dollars(row[6]) for row in lines)
    assert all(total_of(plan) == sum(dollars(row[2]) for row in rows[:-1]) == dollars(rows[-1][2]) for rows in sums)


@LAW
@given(answers())
def test_report_shows_names_as_typed(plan: Recommendation):
    """Every job's name stands in report.md as it was typed, and no user text becomes a tag, an emphasis or a link."""
    tokens = MARKDOWN.parse(report_markdown(plan))
    inline = [child for token in tokens for child in token.children or []]
    jobs = next(table for table in tables(report_markdown(plan)) if "Cost center" in table[0])

    assert [job.job for job in plan.jobs] == [row[0] for row in jobs[1:]]
    assert {"html_inline", "link_open", "em_open", "s_open", "image"}.isdisjoint(child.type for child in inline)
    assert not any(token.type == "html_block" for token in tokens)
    assert [token.type for token in tokens].count("fence") == 1
    assert not any(token.type in {"ordered_list_open", "blockquote_open"} for token in tokens)
    assert [token.tag for token in tokens if token.type == "heading_open"].count("h1") == 1


@LAW
@given(answers(), st.sampled_from([80, 100, 120, 200]))
def test_terminal_keeps_names_and_numbers(plan: Recommendation, width: int):
    """No line is wider than the terminal, every name and amount is there in full, nothing moves the cursor."""
    text = shown(plan, width)

    assert max(cell_len(row) for row in text.splitlines()) <= width
    assert all(squeezed(job.job) in squeezed(text) for job in plan.jobs)
    assert all(usd(one.cost.amount) in text for one in plan.lines)
    assert "\x1b" not in text
    assert "\u202e" not in text


@LAW
@given(answers(), st.integers(20, 79))
def test_narrow_terminal_keeps_numbers(plan: Recommendation, width: int):
    """However narrow the terminal, tables become labelled lines before a number is cut."""
    text = squeezed(shown(plan, width))

    assert all(usd(one.cost.amount) in text for one in plan.lines)


@LAW
@given(answers(), st.sampled_from(["ascii", "latin-1", "cp1252", "cp437"]))
def test_any_encoding(plan: Recommendation, encoding: str):
    """A terminal that is not UTF-8 gets the whole answer, in what it can encode."""
    assert usd(total_of(plan)) in shown(plan, encoding=encoding)


def test_plan_without_market_prices_says_so():
    """A total of owned nodes alone rests on no market price, and the first lines say it."""
    one = segment("a", 0, 10)
    lines = segment_lines(one, "cluster onprem", {"power": "1"}, **OWNED_ORIGIN)
    plan = answer([one], lines, [job_result("a", [one], lines)])

    assert "none from a market" in shown(plan).split("What runs where")[0]
