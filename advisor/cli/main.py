"""The `advisor` command: one group, each subcommand imported only when it is called."""

import importlib
import sys
import traceback
from typing import NoReturn

import click

from advisor import __version__

COMMANDS = {
    "plan": ("advisor.cli.plan:plan", "Plan training runs: what to run where, when, and why."),
    "explain": ("advisor.cli.explain:explain", "Why no plan is possible, or what each requirement of a plan costs."),
    "whatif": ("advisor.cli.whatif:whatif", "Plan again under changes, along a frontier, at other prices."),
    "estimate": ("advisor.cli.estimate:estimate", "Memory and speed of every job on every machine."),
    "validate": ("advisor.cli.validate:validate", "Predict measured runs and show the errors."),
    "check": ("advisor.cli.documents:check", "Validate a plan document."),
    "init": ("advisor.cli.documents:init", "Write a commented plan document to start from."),
    "schema": ("advisor.cli.documents:schema", "Print the JSON Schema of a document."),
    "plans": ("advisor.cli.plans:plans", "List and show stored recommendations."),
    "prices": ("advisor.cli.prices:prices", "The price book: import, export, show, status."),
    "report": ("advisor.cli.report:report", "Reports on what is stored: the week's prices and open plans."),
    "serve": ("advisor.cli.serve:serve", "The REST service and its web page, on this machine."),
    "models": ("advisor.cli.facts:models", "Model presets with their sources."),
    "machines": ("advisor.cli.facts:machines", "Rented machines and GPUs with their sources."),
    "doctor": ("advisor.cli.doctor:doctor", "Check settings, database, credentials and price ages."),
}


class LazyGroup(click.Group):
    """A group that knows the names and one-line helps of its commands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order in which a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of the command that is called."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List commands from the table above, so that `--help` imports nothing heavy."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="advisor")
@click.option("--debug", is_flag=True, help="Show tracebacks of unexpected errors.")
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:
    """Plan GPU training runs on owned and rented nodes at the lowest total cost.

    \b
    Example:
      advisor init plan.yaml
      advisor plan plan.yaml --out out
    """
    ctx.obj = {"debug": debug}


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line; every failure ends in one message and the contract's exit code."""
    from advisor.cli.exits import exit_code_of

    words = sys.argv[1:] if arguments is None else arguments
    try:
        sys.exit(cli.main(args=words, prog_name="advisor", standalone_mode=False) or 0)
    except click.exceptions.Exit as leave:
        sys.exit(leave.exit_code)
    except click.Abort:
        click.echo("Stopped.", err=True)
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except Exception as error:  # the outermost edge: nobody above could tell the user
        if "--debug" in words:
            traceback.print_exc()
        code, message = exit_code_of(error)
        click.echo(message, err=True)
        sys.exit(code)
