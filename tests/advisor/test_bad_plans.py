"""Every kind of bad plan gives one clear message with its path and cure, and exit code 2."""

import copy
import json

import pytest
from advisor_builders import cluster, document, hour, job, speed

from advisor.cli.main import main

GOOD = document(
    job("a", 2, speed("p5.48xlarge", 1, 1000), deadline=hour(9)),
    job("b", 2, speed("onprem", 1, 1000), after=["a"]),
    clusters=[cluster(2, available=[{"from": hour(0), "to": hour(20), "nodes": 2}])],
)


def changed(path, value):
    """Return the good plan with one value changed, added or (None as a marker is a value) removed."""
    plan = copy.deepcopy(GOOD)
    *way, last = path
    here = plan
    for step in way:
        here = here[step]
    if value is REMOVED:
        del here[last]
    else:
        here[last] = value
    return plan


REMOVED = object()

# (what is wrong, change, path in the message, a word of the cure)
CHANGES = {
    "unknown field": (("jobs", 0, "tokns"), 5, "jobs[0].tokns", "did you mean 'tokens'"),
    "unknown field at the top": (("budgett",), 5, "budgett", "did you mean 'budget"),
    "missing field": (("jobs", 0, "tokens"), REMOVED, "jobs[0].tokens", "required"),
    "missing name": (("name",), REMOVED, "name", "required"),
    "deadline before start": (("jobs", 0, "deadline"), "2026-11-30T00:00:00Z", "jobs[0].deadline", "after the plan's start"),
    "deadline before earliest start": (("jobs", 0, "earliest_start"), hour(9), "jobs[0].deadline", "earliest_start"),
    "deadline beyond the horizon": (("horizon_days",), 0.25, "jobs[0].deadline", "horizon_days"),
    "a day is no moment": (("jobs", 0, "deadline"), "2026-12-09", "jobs[0].deadline", "2026-12-01T00:00:00Z"),
    "a time without offset": (("start",), "2026-12-01T00:00:00", "start", "2026-12-01T00:00:00Z"),
    "no such day": (("jobs", 0, "deadline"), "2026-02-30T00:00:00Z", "jobs[0].deadline", "moment"),
    "waits for itself": (("jobs", 0, "after"), ["a"], "jobs[0].after[0]", "itself"),
    "cycle": (("jobs", 0, "after"), ["b"], "jobs[0].after", "circle"),
    "unknown predecessor": (("jobs", 1, "after"), ["aa"], "jobs[1].after[0]", "did you mean 'a'"),
    "unknown machine": (("jobs", 0, "measured", 0, "machine"), "p5.48xlrge", "jobs[0].measured[0].machine", "p5.48xlarge"),
    "unknown machine in placement": (("jobs", 0, "placement"), {"machines": ["p9"]}, "jobs[0].placement.machines[0]", "p9"),
    "unknown machine excluded": (
        ("jobs", 0, "placement"), {"exclude": {"machines": ["p9"]}}, "jobs[0].placement.exclude.machines[0]", "p9",
    ),
    "unknown cluster": (("jobs", 0, "placement"), {"clusters": ["onprm"]}, "jobs[0].placement.clusters[0]", "onprem"),
    "unknown model": (("jobs", 0, "model"), "llama-3.1-71b", "jobs[0].model", "did you mean 'llama-3.1-70b'"),
    "model file that is not there": (("jobs", 0, "model"), "none/config.json", "jobs[0].model", "cannot be read"),
    "model without its shape": (("jobs", 0, "model"), {"layers": 3}, "jobs[0].model.hidden_size", "required"),
    "unknown GPU": (("clusters", 0, "gpu"), "H100", "clusters[0].gpu", "unknown GPU"),
    "unknown machine in limits": (("limits",), [{"machine": "p9", "max_nodes": 1}], "limits[0].machine", "p9"),
    "negative tokens": (("jobs", 0, "tokens"), -5, "jobs[0].tokens", "at least 1"),
    "no tokens": (("jobs", 0, "tokens"), 0, "jobs[0].tokens", "at least 1"),
    "half a token": (("jobs", 0, "tokens"), 1.5, "jobs[0].tokens", "whole number"),
    "too many tokens": (("jobs", 0, "tokens"), 1e30, "jobs[0].tokens", "too large"),
    "tokens as text": (("jobs", 0, "tokens"), "5e9", "jobs[0].tokens", "remove the quotes"),
    "true for a number": (("jobs", 0, "max_nodes"), True, "jobs[0].max_nodes", "number"),
    "no nodes": (("jobs", 0, "max_nodes"), 0, "jobs[0].max_nodes", "at least 1"),
    "a negative budget": (("budget_usd",), -1, "budget_usd", "at least 0"),
    "a share above 1": (("max_miss_probability",), 1.5, "max_miss_probability", "at most 1"),
    "a percent above 100": (("discounts",), [{"percent": 112}], "discounts[0].percent", "at most 100"),
    "two jobs with one name": (("jobs", 1, "name"), "a", "jobs[1].name", "rename"),
    "a name with a line break": (("jobs", 0, "name"), "a\nb", "jobs[0].name", "printable"),
    "a name of 65 characters": (("jobs", 0, "name"), "x" * 65, "jobs[0].name", "1 to 64"),
    "wrong version": (("version",), 2, "version", "must be 1"),
    "true as a version": (("version",), True, "version", "must be 1"),
    "unknown method": (("jobs", 0, "method"), "finetune", "jobs[0].method", "full_finetune"),
    "unknown market": (("jobs", 0, "markets"), ["spots"], "jobs[0].markets[0]", "on_demand"),
    "unknown precision": (("jobs", 0, "precision"), "bf8", "jobs[0].precision", "bf16"),
    "end grid that does not divide the hour": (("end_grid_minutes",), 25, "end_grid_minutes", "60"),
    "no jobs": (("jobs",), [], "jobs", "at least one"),
    "jobs as a mapping": (("jobs",), {"a": 1}, "jobs", "list"),
    "a job as a text": (("jobs", 0), "a", "jobs[0]", "mapping"),
    "one measurement twice": (
        ("jobs", 0, "measured"), [speed("p5.48xlarge", 1, 5), speed("p5.48xlarge", 1, 6)], "jobs[0].measured[1]", "keep one",
    ),
    "a speed below one token": (("jobs", 0, "measured", 0, "tokens_per_second"), 0.5, "jobs[0].measured[0]", "at least 1"),
    "full cost without capital": (("clusters", 0, "cost", "basis"), "full", "clusters[0].cost.capex_usd_per_node", "marginal"),
    "marginal cost without idle power": (
        ("clusters", 0, "cost", "idle_power_kw"), REMOVED, "clusters[0].cost.idle_power_kw", "required",
    ),
    "idle power above full power": (("clusters", 0, "cost", "idle_power_kw"), 11, "clusters[0].cost.idle_power_kw", "exceed"),
    "more nodes than there are": (("clusters", 0, "available", 0, "nodes"), 3, "clusters[0].available[0].nodes", "2 nodes"),
    "windows that overlap": (
        ("clusters", 0, "available"),
        [{"from": hour(0), "to": hour(5), "nodes": 1}, {"from": hour(4), "to": hour(9), "nodes": 1}],
        "clusters[0].available[1].from", "overlaps",
    ),
    "a window that ends before it starts": (
        ("clusters", 0, "available"), [{"from": hour(5), "to": hour(5), "nodes": 1}], "clusters[0].available[0].to", "after",
    ),
    "a cluster named like a machine": (("clusters", 0, "name"), "p5.48xlarge", "clusters[0].name", "rename"),
    "a machine that the table has": (
        ("machines",),
        [{"name": "p5.48xlarge", "provider": "x", "gpu": "L4-24GB", "gpus_per_node": 8, "network_gbit_per_second": 1}],
        "machines[0].name", "leave it out",
    ),
    "a commitment that ends before it starts": (
        ("commitments",),
        [{"name": "c", "provider": "aws", "region": "r", "machine": "p5.48xlarge", "nodes": 1, "start": hour(5), "end": hour(4)}],
        "commitments[0].end", "after start",
    ),
    "a budget of nobody": (("budgets",), [{"usd": 5, "cost_center": "x"}], "budgets[0].cost_center", "cost_center"),
    "a month that is none": (("budgets",), [{"usd": 5, "month": "2026-13"}], "budgets[0].month", "2026-12"),
    "a data set nowhere": (("jobs", 0, "dataset"), {"gib": 5, "location": "us-east-1"}, "jobs[0].dataset.location", "aws/us-east-1"),
}  # fmt: skip


def refused(capsys, tmp_path, text, name="plan.yaml"):
    """Run `advisor check` on a text and return the one message on stderr."""
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SystemExit) as left:
        main(["check", str(path)])
    captured = capsys.readouterr()
    assert left.value.code == 2, captured
    assert captured.out == ""
    assert "Traceback" not in captured.err
    assert len(captured.err.splitlines()) <= 30
    assert len(captured.err.encode()) <= 4096
    return captured.err


@pytest.mark.parametrize("kind", CHANGES)
def test_a_bad_value_is_named_by_its_path_with_a_cure(kind, capsys, tmp_path):
    """The message holds the path and the cure, whatever is wrong."""
    path, value, expected, cure = CHANGES[kind]

    message = refused(capsys, tmp_path, json.dumps(changed(path, value)), "plan.json")

    assert f"  {expected}" in message
    assert cure in message


def test_the_good_plan_is_good(capsys, tmp_path):
    """Without any change the plan is valid, so each case above fails for its own reason."""
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(GOOD), encoding="utf-8")

    with pytest.raises(SystemExit) as left:
        main(["check", str(path)])

    assert left.value.code == 0


# (text, words of the message)
TEXTS = {
    "a key given twice": ("version: 1\nname: a\nname: b\n", ["line 3, column 1", "'name'", "twice"]),
    "a key given twice in JSON": ('{"version": 1, "version": 1}', ["'version'", "twice"]),
    "not a number": ("version: 1\nbudget_usd: .nan\n", ["line 2, column 13", "finite"]),
    "not a number in JSON": ('{"version": NaN}', ["NaN"]),
    "infinity": ("budget_usd: .inf\n", ["finite"]),
    "a number beyond floats": ("budget_usd: 1e999\n", ["too large"]),
    "a tag that makes objects": ("name: !!python/object/apply:os.system [ls]\n", ["line 1, column 7", "tags"]),
    "a tag of our own": ("name: !secret x\n", ["tags"]),
    "broken YAML": ("jobs: [\n", ["line", "column", "broken YAML"]),
    "a tab for indentation": ("jobs:\n\t- a\n", ["line 2", "broken YAML"]),
    "broken JSON": ('{"version": 1,,}', ["line 1", "broken JSON"]),
    "an empty file": ("", ["empty", "advisor init"]),
    "a list": ("- a\n- b\n", ["mapping"]),
    "two documents": ("version: 1\n---\nversion: 1\n", ["more than one document"]),
    "not UTF-8": (b"name: \xff\xfe\n", ["UTF-8"]),
    "binary": (b"\x7fELF\x00\x00", ["NUL"]),
    "10 MB": (b"#" * 10_000_000, ["2 MiB"]),
    "deep nesting": ("a: " + "[" * 5000 + "]" * 5000, ["nest"]),
    "aliases that explode": (
        "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"{n}: &{n} [{','.join([f'*{p}'] * 9)}]\n" for p, n in zip("abcdefgh", "bcdefghi", strict=True)),
        ["aliases expand"],
    ),
    "an alias of itself": ("a: &a [*a]\n", ["nested deeper"]),
    "a key that is a list": ("? [a]\n: 1\n", ["plain word"]),
}


@pytest.mark.parametrize("kind", TEXTS)
def test_a_broken_text_is_one_message_with_its_place(kind, capsys, tmp_path):
    """Syntax, size, tags and bombs are refused before anything is built, and fast."""
    text, words = TEXTS[kind]

    message = refused(capsys, tmp_path, text)

    assert all(word in message for word in words), message


def test_a_file_that_is_not_there(capsys, tmp_path):
    """A missing file names the cure; a folder is refused too."""
    with pytest.raises(SystemExit) as left:
        main(["check", str(tmp_path / "none.yaml")])

    assert left.value.code == 2
    assert "advisor init" in capsys.readouterr().err
    with pytest.raises(SystemExit) as left:
        main(["check", str(tmp_path)])
    assert left.value.code == 2


def test_many_faults_are_counted(capsys, tmp_path):
    """200 faults are at most 30 lines and 4 KiB: the rest is counted, and long values are cut."""
    jobs = [{**GOOD["jobs"][0], "name": f"j{i}", "tokens": "9" * 5000} for i in range(200)]

    message = refused(capsys, tmp_path, json.dumps({**GOOD, "jobs": jobs}), "plan.json")

    assert "201 problems" in message or "200 problems" in message
    assert " more" in message


def test_of_a_referred_file_only_the_offending_value_is_shown(capsys, tmp_path):
    """A model configuration that is no configuration does not end up on the screen."""
    (tmp_path / "config.json").write_text(
        '{"hidden_size": "a secret of 60 characters", "password": "hunter2"}', encoding="utf-8"
    )

    message = refused(capsys, tmp_path, json.dumps(changed(("jobs", 0, "model"), "./config.json")), "plan.json")

    assert "hidden_size" in message
    assert "hunter2" not in message


def test_numbers_as_people_write_them(tmp_path, capsys):
    """1.4e11, 140e9 and 140_000_000_000 are one number; `no` and `12:30` are texts; other offsets become UTC."""
    text = """
version: 1
name: no
start: 2026-12-01T02:00:00+02:00
jobs:
  - {name: "12:30", model: {parameters: 7e9}, method: pretrain, tokens: TOKENS, cost_center: 12:30,
     measured: [{machine: p5.48xlarge, nodes: 1, tokens_per_second: 1e5}]}
"""
    hashes = set()
    for tokens in ("1.4e11", "140e9", "140_000_000_000"):
        path = tmp_path / "plan.yaml"
        path.write_text(text.replace("TOKENS", tokens), encoding="utf-8")
        with pytest.raises(SystemExit) as left:
            main(["check", str(path), "--json"])
        assert left.value.code == 0
        shown = json.loads(capsys.readouterr().out)
        hashes.add(shown["sha256"])
    assert len(hashes) == 1
    plan = shown["plan"]
    assert (plan["name"], plan["jobs"][0]["name"], plan["jobs"][0]["cost_center"]) == ("no", "12:30", "12:30")
    assert (plan["start"], plan["jobs"][0]["tokens"]) == ("2026-12-01T00:00:00Z", 140_000_000_000)
