"""The report as a page: complete, the same bytes again, safe to open, readable on a phone and on a laptop."""

import re
from html import unescape
from pathlib import Path

import pytest
from answer_builders import no_answer, rich_answer

from advisor.outputs.html.charts import price_chart, time_chart
from advisor.outputs.html.report import compared, report_html, sources
from advisor.outputs.phrases import usd
from advisor.recommendation import Recommendation

CHROMIUM = Path("/usr/bin/chromium")
HOSTILE = "<script>alert(1)</script>\"' onload=x {{ 7*7 }} \u202e\x1b[31m"


def visible(page: str) -> str:
    """Return the text between the tags."""
    return unescape(re.sub(r"<[^>]*>", " ", page.partition("</style>")[2]))


def test_every_amount_is_there_to_the_cent():
    """Total, job costs, line costs, unit prices and alternatives read as everywhere else."""
    answer = rich_answer()
    text = visible(report_html(answer))

    amounts = [answer.total, *(job.cost for job in answer.jobs), *(line.cost for line in answer.lines)]
    amounts += [line.unit_price for line in answer.lines] + [one.total for one in answer.alternatives if one.total]
    assert [usd(money.amount) for money in amounts if money and usd(money.amount) not in text] == []
    assert all(words in text for words in [*answer.warnings, *answer.assumptions])


def test_the_same_recommendation_gives_the_same_bytes():
    """Written from the document that was read back, the page is the same."""
    answer = rich_answer()
    again = Recommendation.model_validate_json(answer.model_dump_json())

    assert report_html(again) == report_html(answer)


def test_the_page_needs_nothing_and_runs_nothing():
    """No script, no link, no image, no address: nothing is fetched, and a policy in the page forbids it."""
    for page in (report_html(rich_answer()), report_html(no_answer("infeasible")), report_html(no_answer("undecided"))):
        assert not re.search(r"<(script|link|img|iframe|object|base)\b|\b(src|href)=|url\(|@import", page)
        assert "default-src 'none'" in page


def test_texts_of_users_are_shown_as_typed():
    """Markup, template syntax and control characters in every text that a user or a price file gives stay text."""
    answer = rich_answer()
    document = answer.model_copy(
        update={
            "plan": answer.plan.model_copy(update={"name": HOSTILE}),
            "jobs": [job.model_copy(update={"job": HOSTILE, "cost_center": HOSTILE}) for job in answer.jobs],
            "segments": [s.model_copy(update={"job": HOSTILE, "zone": HOSTILE}) for s in answer.segments],
            "lines": [x.model_copy(update={"source": HOSTILE, "description": HOSTILE}) for x in answer.lines],
            "warnings": [HOSTILE],
            "excluded": [each.model_copy(update={"what": HOSTILE, "reason": HOSTILE}) for each in answer.excluded],
            "price_history": [h.model_copy(update={"machine": HOSTILE}) for h in answer.price_history],
        }
    )
    page = report_html(document)

    assert "<script>" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert "<script>alert(1)</script>" in visible(page)
    assert "{{ 7*7 }}" in visible(page)
    assert not re.search(r"<[^>]*\sonload=", re.sub(r'"[^"]*"', '""', page.partition("</style>")[2]))


def test_bars_lie_where_their_segments_do():
    """On the time axis a segment begins where the one before it ended, within the chart, with its node count."""
    chart = time_chart(rich_answer())
    bars = chart.tracks[0].bars

    assert chart.tracks[0].job == "pretrain-7b"
    assert [bar.label for bar in bars] == ["4", "16", "4"]
    assert bars[1].x + bars[1].width == pytest.approx(bars[2].x, abs=0.02)
    assert all(bar.x >= 0 and bar.x + bar.width <= 100.01 for track in chart.tracks for bar in track.bars)
    assert {kind for kind, _ in chart.legend} == {"owned", "on_demand", "spot", "commitment", "pause", "deadline"}


def test_prices_are_drawn_as_steps_above_zero():
    """A price stays level until it moves; twice as high is twice as far from the lower line."""
    answer = rich_answer()
    chart = price_chart(answer.price_history[0], answer.as_of)

    assert (chart.moves, chart.least, chart.most, chart.last) == (3, "$14.58", "$21.1543", "$20.105533")
    assert all(step.x1 == step.x2 or step.y1 == step.y2 for step in chart.steps)
    heights = [chart.floor - step.y1 for step in chart.steps if step.y1 == step.y2]
    assert heights[0] / heights[1] == pytest.approx(14.58 / 21.1543, abs=1e-3)


def test_alternatives_and_sources():
    """The longest bar is the dearest plan, one that cannot be done has none; lines of one origin share a source."""
    bars = {bar.name: bar for bar in compared(rich_answer())}
    assert (
        max(bar.width for bar in bars.values())
        == 100.0
        == bars["the fastest: earliest last finish, then cheapest"].width
    )
    assert (bars["on owned nodes alone"].amount, bars["on owned nodes alone"].width) == ("", 0.0)
    assert sum(one.lines for one in sources(rich_answer())) == len(rich_answer().lines)


@pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no browser at {CHROMIUM}")
def test_a_browser_shows_it_without_sideways_scrolling(tmp_path):
    """In Chromium, without script or network, neither a phone nor a laptop nor print scrolls sideways."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    pages = {"plan": report_html(rich_answer()), "none": report_html(no_answer("infeasible"))}
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        context = browser.new_context(java_script_enabled=True, offline=True)
        page = context.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("request", lambda request: said.append(request.url))
        for name, text in pages.items():
            path = tmp_path / f"{name}.html"
            path.write_text(text, encoding="utf-8")
            for width, media in ((390, "screen"), (1280, "screen"), (700, "print")):
                page.set_viewport_size({"width": width, "height": 900})
                page.emulate_media(media=media)
                page.goto(path.as_uri())
                assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
                assert page.locator(".answer").bounding_box()["y"] < 150
                size = page.evaluate("getComputedStyle(document.body).fontSize")
                assert float(size.removesuffix("px")) >= 13, "text is too small to read"
            page.screenshot(path=tmp_path / f"{name}.png", full_page=True)
        browser.close()

    assert {word for word in said if not word.startswith("file:")} == set()
