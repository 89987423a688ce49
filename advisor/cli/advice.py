"""The text of `advisor estimate --advice`: batch, other layouts, what would make a job fit."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from advisor.cli.estimate import layout_text
from advisor.outputs.phrases import usd
from pricing.money import cents_text

if TYPE_CHECKING:
    from advisor.advice import Advice, PricedChange
    from advisor.estimate.estimate import Estimate


def advice_text(advice: "Advice") -> Text:
    """Write the advice on one line of the estimates."""
    line, batch = advice.line, advice.batch
    text = Text(f"\n{line.job.name} on {line.estimate.nodes} x {line.name}\n", style="bold")
    if batch is not None:
        said = (
            f"Global batch {batch.batch} = micro batch {batch.micro_batch} x accumulation {batch.accumulation} x "
            f"{batch.replicas} replicas; the largest micro batch that fits so is {batch.largest_micro_batch}.\n"
        )
        text.append(said, style="not bold")
        text.append(_changes("A change would give", advice.changes))
    shown = len(advice.choices.best)
    if shown:
        found = advice.choices
        counted = f"The {shown} fastest of {found.fitting} layouts that fit ({found.looked_at} legal)\n"
        text.append(counted, style="not bold")
        text.append("".join(_layout_line(each) for each in advice.choices.best), style="not bold dim")
        text.append("Speed against headroom: no other layout is both faster and smaller\n", style="not bold")
        pareto = advice.choices.pareto
        text.append("".join(_layout_line(each) for each in pareto[:shown]), style="not bold dim")
        if len(pareto) > shown:
            text.append(f"  … and {len(pareto) - shown} more (--json)\n", style="not bold dim")
    if advice.remedies:
        text.append(_changes("What makes it fit, each beside those before it", advice.remedies))
    text.rstrip()
    return text


def _layout_line(found: "Estimate") -> str:
    gib = 0.0 if found.memory_gib is None else found.memory_gib.total
    return f"  {layout_text(found):<44}{found.tokens_per_second or 0:>12,.0f} tokens/s{gib:>8.1f} GiB\n"


def _changes(head: str, changes: "Sequence[PricedChange]") -> Text:
    text = Text(f"{head}\n", style="not bold")
    for each in changes:
        found = each.change.estimate
        if found is None:
            reason = (each.change.reason or "").split(":")[0]
            text.append(f"  {each.change.what:<34}does not fit: {reason}\n", style="dim")
            continue
        cost = "no price" if each.cost_cents is None else usd(cents_text(each.cost_cents))
        hours = float(each.hours or 0)
        figures = f"{found.tokens_per_second or 0:>11,.0f} tokens/s{hours:>9,.1f} h{cost:>13}"
        text.append(f"  {each.change.what:<34}{figures}\n    {layout_text(found)}\n", style="dim")
    return text
