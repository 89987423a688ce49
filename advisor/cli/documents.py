"""`advisor check`, `init` and `schema`: documents without planning anything."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click


@click.command()
@click.argument("plan_path", metavar="PLAN", type=click.Path(path_type=Path))
@click.option("--as-of", metavar="T", help="Moment from which a missing start counts. Default: now.")
@click.option("--json", "as_json", is_flag=True, help="Print the validated plan with its defaults as JSON.")
def check(plan_path: Path, as_of: str | None, as_json: bool) -> None:
    """Validate a plan document; every fault is named by its path.

    \b
    Example:
      advisor check plan.yaml
    """
    import json

    from advisor.cli.asking import moment_option
    from advisor.plan.load import load_plan

    loaded = load_plan(plan_path, as_of=moment_option("--as-of", as_of))
    if as_json:
        document = loaded.plan.model_dump(mode="json", by_alias=True)
        click.echo(json.dumps({"plan": document, "sha256": loaded.sha256, "warnings": loaded.warnings}, indent=2))
        return
    jobs = ", ".join(job.name for job in loaded.plan.jobs)
    click.echo(f"{plan_path} is a valid plan of {len(loaded.plan.jobs)} job(s): {jobs}")
    for warning in loaded.warnings:
        click.echo(f"Warning: {warning}", err=True)


@click.command()
@click.argument("path", metavar="[FILE]", required=False, type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@click.option("--json", "as_json", is_flag=True, help="Write it as JSON, which is a plan document too, uncommented.")
def init(path: Path | None, force: bool, as_json: bool) -> None:
    """Write a commented plan document to start from; without FILE, to stdout.

    \b
    Example:
      advisor init plan.yaml
    """
    import json
    from importlib.resources import files

    from advisor.errors import UsageInvalid
    from advisor.plan.reader import read_text
    from pricing.moments import moment_text

    text = files("advisor.plan").joinpath("data/starter.yaml").read_text(encoding="utf-8")
    # The next Monday, so that the plan can be made as it stands.
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    start = today + timedelta(days=7 - today.weekday())
    for word, days in (("<START>", 0), ("<FIRST DEADLINE>", 14), ("<SECOND DEADLINE>", 17)):
        text = text.replace(word, moment_text(start + timedelta(days=days)))
    if as_json:
        text = json.dumps(read_text(text, "starter"), indent=2) + "\n"
    if path is None:
        click.echo(text, nl=False)
        return
    if path.exists() and not force:
        raise UsageInvalid(f"{path} exists already; choose another name, or give --force to replace it")
    path.write_text(text, encoding="utf-8")
    click.echo(f"Wrote {path}. Edit it, then run: advisor check {path}", err=True)


@click.command()
@click.argument("document", type=click.Choice(["plan", "recommendation"]))
@click.option("--json", "as_json", is_flag=True, help="Print it on one line.")
def schema(document: str, as_json: bool) -> None:
    """Print the JSON Schema of a document, generated from the code that reads it.

    \b
    Example:
      advisor schema plan > plan.schema.json
    """
    import json

    from advisor.schemas import schema_of

    click.echo(json.dumps(schema_of(document), indent=None if as_json else 2))
