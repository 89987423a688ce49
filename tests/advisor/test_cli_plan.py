"""`advisor plan` and its neighbours as a user runs them: files, exit codes, the stored answer, the same bytes again."""

import json
import os
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest
from advisor_builders import HEADER, document, hour, job, price, speed

from advisor.outputs.files import BINARY_FILES, FILES, FOLDERS

ROOT = Path(__file__).parents[2]
ADVISOR = Path(sys.executable).with_name("advisor")
EXAMPLE = ROOT / "examples" / "q1-measured.yaml"
PRICES = ROOT / "examples" / "prices.csv"
AS_OF = "2026-11-24T00:00:00Z"


@pytest.fixture
def advisor(tmp_path):
    """Return a runner of the installed command in an empty folder with its own database."""

    def run(*words, check=None, database=None):
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "ADVISOR_DATABASE_URL": database or f"sqlite:///{tmp_path / 'advisor.sqlite3'}",
        }
        done = subprocess.run(
            [str(ADVISOR), *map(str, words)], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        if check is not None:
            assert done.returncode == check, done.stderr + done.stdout
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.fixture
def small(tmp_path):
    """Write a small plan and its prices; no bundled ones compete with them."""
    (tmp_path / ".env").write_text("ADVISOR_REFERENCE_PRICES=off\n", encoding="utf-8")
    plan = document(job("a", 20, speed("p5.48xlarge", 2, 2000), deadline=hour(48), cost_center="research"))
    (tmp_path / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    (tmp_path / "prices.csv").write_text("\n".join([HEADER, price(55.04)]) + "\n", encoding="utf-8")
    return ["plan.json", "--prices", "prices.csv", "--as-of", AS_OF]


def without_identity(text):
    """Return a recommendation without what may differ between two runs."""
    found = json.loads(text)
    del found["id"], found["created_at"]
    return found


def test_the_example_is_proved_optimal_and_repeats(advisor, tmp_path):
    """The measured example is proved, mixes owned and rented nodes, and gives the same bytes again but for its id."""
    # Time enough that no comparison is cut off by wall time on a busy machine, which would be said and not repeat.
    words = ["plan", EXAMPLE, "--prices", PRICES, "--as-of", AS_OF, "--time-limit", "600", "--json"]

    first = advisor(*words, "--out", "one", check=0).stdout
    second = advisor(*words, "--out", "two", check=0).stdout

    answer = without_identity(first)
    assert answer == without_identity(second)
    assert (answer["status"], answer["stopped_by"]) == ("optimal", "proof")
    assert {segment["kind"] for segment in answer["segments"]} == {"local", "cloud"}
    assert all(result["slack_hours"] >= 0 for result in answer["jobs"])
    assert {path.name for path in (tmp_path / "one").iterdir()} == {*FILES, *BINARY_FILES, *FOLDERS}


def test_the_demo_is_proved_optimal_on_estimates_and_bundled_prices(advisor):
    """`make demo` mixes owned nodes, on-demand and spot at estimated speeds, keeps its deadlines, and repeats; the README tells it."""
    words = ["plan", ROOT / "examples" / "q1-models.yaml", "--as-of", AS_OF, "--time-limit", "600", "--json"]

    first, second = (without_identity(advisor(*words, check=0).stdout) for _ in range(2))

    assert first == second
    assert (first["status"], first["stopped_by"]) == ("optimal", "proof")
    assert {(s["kind"], s["market"]) for s in first["segments"]} >= {("local", None), ("cloud", "spot")}
    assert {s["speed_basis"] for s in first["segments"]} == {"estimated"}
    assert all(s["layout"] for s in first["segments"])
    assert all(result["slack_hours"] >= 0 for result in first["jobs"])
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    figures = [float(first["total"]["amount"]), *(float(line["cost"]["amount"]) for line in first["lines"][:4])]
    assert [f"${figure:,.2f}" for figure in figures if f"${figure:,.2f}" not in readme] == []


def test_lines_add_up_everywhere(advisor, tmp_path):
    """Total, job costs and CSV are sums of the lines to the cent; every line has basis and source."""
    answer = json.loads(
        advisor("plan", EXAMPLE, "--prices", PRICES, "--as-of", AS_OF, "--json", "--out", "out", check=0).stdout
    )

    total = sum(Decimal(line["cost"]["amount"]) for line in answer["lines"])
    assert total == Decimal(answer["total"]["amount"])
    assert sum(Decimal(result["cost"]["amount"]) for result in answer["jobs"]) == total
    rows = (tmp_path / "out" / "costs.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 1 + len(answer["lines"])
    for line in answer["lines"]:
        assert line["basis"]
        assert line["source"]
        assert line["observed_at"] or "plan document" in line["source"]
        exact = Decimal(line["quantity"]) * Decimal(line["unit_price"]["amount"])
        assert abs(exact - Decimal(line["cost"]["amount"])) <= Decimal("0.005")


def test_a_person_reads_the_answer(advisor, small, tmp_path):
    """The terminal answer fits 80 columns, starts with the total, and is stored under its id."""
    shown = advisor("plan", *small, check=0).stdout

    assert "$1,100.80" in "\n".join(shown.splitlines()[:3])
    assert max(map(len, shown.splitlines())) <= 80
    (stored,) = json.loads(advisor("plans", "list", "--json", check=0).stdout)["plans"]
    again = json.loads(advisor("plans", "show", stored["id"], "--json", check=0).stdout)
    assert again["total"]["amount"] == "1100.80"
    assert advisor("plans", "show", "rec_0", check=2).stdout == ""


def test_machine_output_stays_apart_from_messages(advisor, small):
    """With --json stdout is one JSON document and nothing else."""
    done = advisor("plan", *small, "--json", "--out", "out", check=0)

    assert json.loads(done.stdout)["version"] == 1
    assert "recommendation.json" in done.stderr


def test_an_infeasible_plan_exits_3_with_its_reason(advisor, small, tmp_path):
    """The explanation is the output, stored like any answer."""
    plan = json.loads((tmp_path / "plan.json").read_text(encoding="utf-8"))
    plan["jobs"][0]["deadline"] = hour(8)
    (tmp_path / "plan.json").write_text(json.dumps(plan), encoding="utf-8")

    done = advisor("plan", *small, "--out", "out", check=3)

    assert "jobs[0].deadline" in done.stdout
    answer = json.loads((tmp_path / "out" / "recommendation.json").read_text(encoding="utf-8"))
    assert (answer["status"], answer["total"], answer["lower_bound"], answer["gap"]) == ("infeasible", None, None, None)


def test_without_prices_the_command_explains_what_to_do(advisor, small):
    """An empty price book exits 4 where bundled prices may not fill it; prices that are too old are named as such."""
    empty = advisor("plan", "plan.json", "--as-of", AS_OF, check=4)
    assert "advisor prices import" in empty.stderr

    advisor("prices", "import", "prices.csv", check=0)
    old = advisor("plan", "plan.json", "--as-of", "2026-11-24T12:00:00Z", check=4)

    assert "too old: 108 h, at most 72 h" in old.stderr


def test_a_stored_price_is_used_while_it_is_fresh(advisor, small):
    """An imported price counts for 72 hours."""
    advisor("prices", "import", "prices.csv", check=0)

    assert "$1,100.80" in advisor("plan", "plan.json", "--as-of", "2026-11-22T00:00:00Z", check=0).stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--objective", "risk"], "cannot be judged"),
        (["--time-limit", "0"], "--time-limit"),
        (["--time-limit", "nan"], "--time-limit"),
        (["--as-of", "yesterday"], "2026-12-01T00:00:00Z"),
        (["--prices", "none.csv"], "none.csv"),
        (["--seed", "-1"], "--seed"),
        (["--surprise"], "--surprise"),
    ],
)
def test_bad_usage_is_one_message_and_exit_2(advisor, small, words, says):
    """Options with values that cannot work are named."""
    done = advisor("plan", *small, *words, check=2)

    assert says in done.stderr
    assert done.stdout == ""


def test_help_and_version_start_fast(advisor):
    """They import nothing heavy: the modules of the engine, of pandas and of the database stay out."""
    code = (
        "import sys; from advisor.cli.main import main\n"
        "try: main([{word!r}])\n"
        "except SystemExit: pass\n"
        "heavy = {{'ortools', 'pandas', 'numpy', 'sqlalchemy', 'pydantic', 'rich', 'boto3'}} & set(sys.modules)\n"
        "print('heavy:', sorted(heavy))"
    )
    for word in ("--help", "--version"):
        done = subprocess.run(
            [sys.executable, "-c", code.format(word=word)], capture_output=True, text=True, check=True
        )
        assert done.stdout.endswith("heavy: []\n")
    assert advisor("--version", check=0).stdout.startswith("advisor, version ")


@pytest.mark.parametrize(
    "command",
    [
        [], ["plan"], ["check"], ["init"], ["schema"], ["plans"], ["plans", "list"], ["plans", "show"], ["prices"],
        ["prices", "import"], ["prices", "export"], ["prices", "show"], ["prices", "status"], ["models"], ["machines"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_every_help_has_an_example(advisor, command):
    """Each command's --help shows how it is called."""
    assert "Example" in advisor(*command, "--help", check=0).stdout


def test_the_starter_plan_is_valid_and_planned(advisor):
    """What `advisor init` writes passes `check` and gives a plan; an existing file is not overwritten."""
    advisor("init", "plan.yaml", check=0)
    advisor("check", "plan.yaml", check=0)

    assert "proved optimal" in advisor("plan", "plan.yaml", "--as-of", AS_OF, check=0).stdout
    assert "exists already" in advisor("init", "plan.yaml", check=2).stderr


def test_schemas_describe_the_documents(advisor):
    """The schemas are JSON Schema with the contract's field names."""
    plan = json.loads(advisor("schema", "plan", check=0).stdout)
    recommendation = json.loads(advisor("schema", "recommendation", check=0).stdout)

    assert plan["$schema"].startswith("https://json-schema.org/")
    assert plan["additionalProperties"] is False
    assert {"version", "name", "jobs"} <= set(plan["required"])
    assert {"segments", "lines", "savings", "infeasibility"} <= set(recommendation["properties"])
    assert advisor("schema", "nothing", check=2).stdout == ""


def test_a_short_time_limit_is_kept(advisor, small):
    """One second of planning ends within a few, start-up included, with an answer or the word that there is none."""
    begun = time.monotonic()
    done = advisor("plan", EXAMPLE, "--prices", PRICES, "--as-of", AS_OF, "--time-limit", "1", "--json")

    assert done.returncode in {0, 3}
    assert time.monotonic() - begun < 30


def test_a_database_that_cannot_be_opened_is_told_before_the_work(advisor, small):
    """Nothing is solved in vain: exit 5 at once, with the name of the database and nothing on stdout."""
    done = advisor("plan", *small, check=5, database="sqlite:////proc/nope/x.sqlite3")

    assert "cannot be opened" in done.stderr
    assert done.stdout == ""
