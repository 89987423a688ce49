"""`advisor validate`: predict measured runs, show the errors, fit a site's own calibration."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

if TYPE_CHECKING:
    from rich.table import Table

    from advisor.estimate.accuracy import Errors
    from advisor.estimate.predict import Prediction

UNITS = {"tput": "tokens/s per GPU", "mem": "peak GiB per GPU", "gpuh": "GPU-hours"}
MOST_SHOWN_REASONS = 5


@click.command()
@click.argument("runs_path", metavar="RUNS.csv", type=click.Path(path_type=Path))
@click.option("--out", "out_path", metavar="PRED.csv", type=click.Path(path_type=Path), help="Write row_id,predicted.")
@click.option(
    "--quantity",
    type=click.Choice(["tput", "mem", "gpuh"]),
    default="tput",
    show_default=True,
    help="Tokens/s per GPU, peak GiB per GPU, or GPU-hours of the run.",
)
@click.option(
    "--calibration",
    "site_path",
    metavar="FILE.csv",
    type=click.Path(path_type=Path),
    help="Write measured over predicted per GPU and stack, for estimates of this site.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the errors as JSON.")
def validate(
    runs_path: Path,
    out_path: Path | None,
    quantity: Literal["tput", "mem", "gpuh"],
    site_path: Path | None,
    as_json: bool,
) -> None:
    """Predict measured runs from their plans, and compare where they were measured.

    What was measured is never read for the prediction.

    \b
    Example:
      advisor validate runs.csv --out predicted.csv --quantity mem
      advisor validate our-runs.csv --calibration site.csv
    """
    import json

    from advisor.estimate.accuracy import compared, error_table
    from advisor.estimate.predict import predictions
    from advisor.estimate.site import fit_site, site_text

    found = predictions(_rows(runs_path), quantity)
    comparisons = compared(found, quantity)
    table = error_table(comparisons)
    if out_path is not None:
        _write(out_path, found)
    if site_path is not None:
        site_path.write_text(site_text(fit_site(comparisons, quantity, str(runs_path))), encoding="utf-8")
    if as_json:
        click.echo(json.dumps(_document(quantity, found, table), indent=2))
    else:
        _show(quantity, found, table, site_path)


def _rows(path: Path) -> list[dict[str, str]]:
    """Read the runs; blank and missing columns are unknown.

    Raises:
        DocumentInvalid: no header with row_id, or a row without an id of its own.
    """
    import csv
    import io

    from advisor.errors import DocumentInvalid, Fault, UsageInvalid

    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UsageInvalid(
            f"there is no file {str(path)!r}; RUNS.csv holds one run a line, with a column row_id"
        ) from None
    except UnicodeDecodeError:
        raise DocumentInvalid(str(path), [Fault("", "is not UTF-8 text; save it as CSV in UTF-8")]) from None
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if "row_id" not in (reader.fieldnames or []):
        raise DocumentInvalid(
            str(path), [Fault("line 1", "has no column row_id; the columns are those of advisor/estimate/README.md")]
        )
    rows, faults, seen = [], [], set()
    for raw in reader:
        row = {key: value or "" for key, value in raw.items() if isinstance(key, str) and not isinstance(value, list)}
        if not row["row_id"] or row["row_id"] in seen:
            says = "is there twice" if row["row_id"] else "is blank"
            faults.append(Fault(f"line {reader.line_num}: row_id", f"{says}; each run needs an id of its own"))
        seen.add(row["row_id"])
        rows.append(row)
    if faults:
        raise DocumentInvalid(str(path), faults)
    return rows


def _write(path: Path, found: "Sequence[Prediction]") -> None:
    import csv

    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["row_id", "predicted"])
        writer.writerows((each.row_id, f"{each.value:.6g}") for each in found if each.value is not None)


def _document(quantity: str, found: "Sequence[Prediction]", table: "Sequence[Errors]") -> dict[str, Any]:
    return {
        "version": 1,
        "quantity": quantity,
        "unit": UNITS[quantity],
        "rows": len(found),
        "predicted": sum(each.value is not None for each in found),
        "not_predicted": [{"row_id": each.row_id, "reason": each.reason} for each in found if each.value is None],
        "assumed": [
            {"row_id": each.row_id, "assumed": list(each.run.assumed)}
            for each in found
            if each.run is not None and each.run.assumed
        ],
        "errors": [each.document() for each in table],
    }


def _show(quantity: str, found: "Sequence[Prediction]", table: "Sequence[Errors]", site_path: Path | None) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console()
    unknown = [each for each in found if each.value is None]
    console.print(Text(f"{len(found) - len(unknown)} of {len(found)} runs predicted ({UNITS[quantity]})", style="bold"))
    for each in unknown[:MOST_SHOWN_REASONS]:
        console.print(Text(f"  {each.row_id}: {each.reason}", style="dim"))
    if len(unknown) > MOST_SHOWN_REASONS:
        console.print(Text(f"  … and {len(unknown) - MOST_SHOWN_REASONS} more", style="dim"))
    if table:
        console.print(_table(table))
    else:
        console.print(Text("No run has a measured value, so there are no errors to show."))
    if site_path is not None:
        console.print(
            Text(
                f"Wrote {site_path}: measured over predicted per GPU and stack, of {table[0].runs if table else 0} runs"
            )
        )


def _table(table: "Sequence[Errors]") -> "Table":
    from rich.table import Table

    shown = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("error of", "runs", "median", "p90", "within 20 %"):
        shown.add_column(name, justify="left" if name == "error of" else "right")
    for each in table:
        figures = (f"{100 * value:.1f} %" for value in (each.median, each.p90))
        shown.add_row(each.name, str(each.runs), *figures, f"{100 * each.within_20:.0f} %")
    return shown
