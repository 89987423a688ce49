"""`advisor report`: reports on what is stored."""

from pathlib import Path

import click


@click.group()
def report() -> None:
    """Reports on what is stored.

    \b
    Example:
      advisor report weekly --out reports
    """


@report.command()
@click.option("--week", "name", metavar="WEEK", help="ISO week, like 2026-W48. Default: the one that holds now.")
@click.option("--out", "folder", metavar="DIR", type=click.Path(path_type=Path), help="Write Markdown and HTML there.")
@click.option(
    "--time-limit", "limit", type=click.FloatRange(3, 3600), default=60.0, show_default=True, help="Per plan."
)
@click.option("--send", is_flag=True, help="Not in this version.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def weekly(name: str | None, folder: Path | None, limit: float, send: bool, as_json: bool) -> None:
    """Report a week: price moves, open plans at its prices and what changed them, cost by month, old prices.

    Every stored plan that goes on is solved again, at the prices of the week before, of the week, and from now on.

    \b
    Example:
      advisor report weekly --week 2026-W48 --out reports
    """
    import json
    from datetime import UTC, datetime

    from advisor.errors import UsageInvalid
    from advisor.settings import settings
    from advisor.weekly.markdown import weekly_markdown
    from advisor.weekly.page import weekly_html
    from advisor.weekly.report import weekly_report
    from advisor.weekly.week import week_named, week_of

    if send:
        raise UsageInvalid("--send: this version sends nothing; write the files with --out and send them yourself")
    now = datetime.now(UTC)
    week = week_of(now) if name is None else week_named(name)
    found = weekly_report(week, now, settings(), limit)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        files = {f"weekly-{week}.md": weekly_markdown(found), f"weekly-{week}.html": weekly_html(found)}
        for file, text in files.items():
            (folder / file).write_text(text, encoding="utf-8", newline="\n")
        click.echo(f"Wrote {', '.join(str(folder / file) for file in files)}", err=True)
    if as_json:
        click.echo(json.dumps(found.document(), indent=2, ensure_ascii=False))
    elif folder is None:
        click.echo(weekly_markdown(found), nl=False)
