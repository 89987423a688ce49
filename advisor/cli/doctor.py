"""`advisor doctor`: can this installation work?"""

import click

from advisor.cli.exits import BAD_DOCUMENT, FINE, NO_PRICES, OTHER, UNREACHABLE

WORDS = {"ok": "ok", "warning": "look", "failed": "FAILED"}
# Where several things are wrong, the first of these is the exit code.
CODES = {
    "settings": BAD_DOCUMENT,
    "database": UNREACHABLE,
    "prices": NO_PRICES,
    "unreachable": UNREACHABLE,
    "refused": OTHER,
}


@click.command()
@click.option("--offline", is_flag=True, help="Ask no provider.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor(offline: bool, as_json: bool) -> None:
    """Check settings, database, credentials and the age of prices; say what to do about each finding.

    Each provider is asked one harmless question. Exit code 0: fine; 2: a setting is wrong; 4: no usable price;
    5: the database or a provider cannot be reached; 1: a provider refuses.

    \b
    Example:
      advisor doctor --offline
    """
    import json

    from advisor.doctor import examine

    findings = []
    for finding in examine(ask_providers=not offline):
        findings.append(finding)
        if not as_json:
            click.echo(f"{WORDS[finding.verdict]:<7} {finding.check:<9} {finding.says}")
            if finding.cure:
                click.echo(f"{'':17} {finding.cure}")
    if as_json:
        fields = ("check", "verdict", "says", "cure")
        document = {"checks": [{name: getattr(finding, name) for name in fields} for finding in findings]}
        click.echo(json.dumps(document, indent=2))
    troubles = {finding.trouble for finding in findings if finding.verdict == "failed"}
    code = next((code for trouble, code in CODES.items() if trouble in troubles), FINE)
    if code:
        raise click.exceptions.Exit(code)
