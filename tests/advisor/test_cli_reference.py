"""Bundled reference prices at the command line: they fill gaps, say their age first, never pass for collected ones."""

import json

import pytest
from advisor_builders import document, hour, job, speed
from click.testing import CliRunner

from advisor.cli.main import cli

AS_OF = "2026-11-24T00:00:00Z"
HEADER = "provider,region,zone,machine,market,usd_per_hour,observed_at,source,confirmed_at"
PLAN = ["plan", "plan.json", "--as-of", AS_OF]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a runner in an empty folder with its own database and a plan: one job on demand, one on spot."""
    places = {"regions": ["us-east-1", "us-central1"]}
    jobs = [
        job("steady", 20, speed("p5.48xlarge", 2, 2000), deadline=hour(48), markets=["on_demand"], placement=places),
        job("patient", 20, speed("a3-highgpu-8g", 2, 2000), markets=["spot"], placement=places),
    ]
    (tmp_path / "plan.json").write_text(json.dumps(document(*jobs, max_miss_probability=1)), encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    def invoke(*words, check=0, **settings):
        database = f"sqlite:///{tmp_path / 'advisor.sqlite3'}"
        done = CliRunner().invoke(cli, words, env={"ADVISOR_DATABASE_URL": database, "COLUMNS": "100", **settings})
        assert done.exit_code == check, done.output
        return done

    return invoke


def imported(run, tmp_path, *rows):
    """Store rows in the price book."""
    (tmp_path / "mine.csv").write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    run("prices", "import", "mine.csv")


def test_an_empty_book_plans_on_bundled_prices_and_says_their_age_first(run, tmp_path):
    """Terminal and report.md name in their first lines the spot price that is bundled, and how old it is."""
    shown = run(*PLAN, "--out", "out").stdout.splitlines()
    report = (tmp_path / "out" / "report.md").read_text(encoding="utf-8").splitlines()

    said = "bundled spot price of gcp us-central1 a3-highgpu-8g, 116 days old"
    assert any(said in line for line in shown[:8])
    assert any("bundled list prices, 93 days old" in line for line in shown[:8])
    assert any(said in line for line in report[:8])


def test_lines_and_warnings_tell_bundled_prices(run):
    """Every line that rests on a bundled price is marked, with its source and dates, and a warning counts them."""
    answer = json.loads(run(*PLAN, "--json").stdout)

    assert [(line["bundled"], line["basis"]) for line in answer["lines"]] == [(True, "list"), (True, "spot_last")]
    assert answer["lines"][0]["unit_price"]["amount"] == "55.04"
    assert answer["lines"][0]["confirmed_at"] == "2026-08-22T07:34:47Z"
    assert sum("reference prices that come with the product" in warning for warning in answer["warnings"]) == 1


def test_past_prices_of_the_pools_in_use_are_kept_and_drawn(run, tmp_path):
    """The recommendation keeps two years of the spot price that it plans with, and report.html draws and dates it."""
    answer = json.loads(run(*PLAN, "--json", "--out", "out").stdout)
    histories = {history["market"]: history["points"] for history in answer["price_history"]}
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")

    assert len(histories["spot"]) > 10
    assert histories["spot"][-1]["usd_per_hour"] == answer["lines"][1]["unit_price"]
    assert "a3-highgpu-8g spot, gcp us-central1" in page
    assert "bundled spot price of gcp us-central1 a3-highgpu-8g, 116 days old" in page[: page.index("Timeline")]


def test_switched_off_an_empty_book_ends_with_4(run):
    """Without bundled and without stored prices the plan names the jobs and each way to give prices."""
    said = run(*PLAN, check=4, ADVISOR_REFERENCE_PRICES="off").output

    assert "No usable price for steady, patient" in said
    assert all(words in said for words in ("--prices FILE.csv", "advisor prices import", "ADVISOR_REFERENCE_PRICES=on"))


def test_an_imported_price_wins_though_it_is_dearer(run, tmp_path):
    """A collected price stands for its machine, market and region, whatever the bundled one says."""
    imported(run, tmp_path, f"aws,us-east-1,,p5.48xlarge,on_demand,70,2026-11-23T00:00:00Z,mine,{AS_OF}")
    answer = json.loads(run(*PLAN, "--json").stdout)

    assert next((line["bundled"], line["source"]) for line in answer["lines"]) == (False, "mine")


def test_an_imported_price_that_is_too_old_is_not_papered_over(run, tmp_path):
    """A stale collected price ends the plan with 4 and its age; the older bundled one does not stand in for it."""
    imported(run, tmp_path, "aws,us-east-1,,p5.48xlarge,on_demand,70,2026-10-01T00:00:00Z,mine,")
    said = run(*PLAN, check=4).output

    assert "No usable price for steady:" in said
    assert "aws us-east-1 p5.48xlarge on_demand: price too old" in said


def test_a_price_file_replaces_bundled_prices_too(run, tmp_path):
    """With --prices nothing bundled is used: a job without a row there has no price."""
    rows = [HEADER, f"aws,us-east-1,,p5.48xlarge,on_demand,70,2026-11-23T00:00:00Z,mine,{AS_OF}"]
    (tmp_path / "mine.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")

    assert "No usable price for patient:" in run(*PLAN, "--prices", "mine.csv", check=4).output


def test_the_price_commands_tell_bundled_from_collected(run, tmp_path):
    """`show` marks bundled offers and names their origin in JSON; `status` counts them apart; `export` has none."""
    imported(run, tmp_path, f"aws,us-east-1,,p5.48xlarge,on_demand,70,2026-11-23T00:00:00Z,mine,{AS_OF}")
    words = ["--machine", "p5.48xlarge", "--market", "on_demand", "--as-of", AS_OF]

    offers = json.loads(run("prices", "show", *words, "--json").stdout)["offers"]
    assert {(o["region"], o["origin"]) for o in offers} >= {("us-east-1", "collected"), ("us-east-2", "bundled")}
    table = run("prices", "show", *words).stdout
    assert "* bundled:" in table
    assert table.count("]*") == len(offers) - 1
    status = json.loads(run("prices", "status", "--json").stdout)
    assert {kind["origin"] for kind in status["prices"]} == {"bundled", "collected"}
    assert all(kind["too_old"] == 0 for kind in status["prices"] if kind["origin"] == "bundled")
    assert len(run("prices", "export").stdout.splitlines()) == 2


def test_switched_off_nothing_bundled_is_shown(run):
    """With the setting off, show and history say that nothing is there, and status says why."""
    off = {"ADVISOR_REFERENCE_PRICES": "off"}

    assert "The price book is empty" in run("prices", "show", **off).stdout
    assert "The price book is empty" in run("prices", "history", "p5.48xlarge", **off).stdout
    assert "ADVISOR_REFERENCE_PRICES is off" in run("prices", "status", **off).stdout


def test_history_shows_how_bundled_spot_prices_moved(run):
    """A year of a3-highgpu-8g on spot in one region: many moves, every one marked as bundled."""
    words = ["prices", "history", "a3-highgpu-8g", "--region", "us-central1", "--market", "spot", "--days", "365"]
    found = json.loads(run(*words, "--as-of", "2026-08-01T00:00:00Z", "--json").stdout)

    assert found["pools"][0]["changes"] > 10
    assert {change["origin"] for change in found["changes"]} == {"bundled"}


def test_an_import_of_old_prices_says_that_they_are_not_planned_with(run, tmp_path):
    """Old rows are stored, counted on stderr with the limit and the way out; fresh ones are not remarked on."""
    old = "aws,us-east-1,,p5.48xlarge,on_demand,55.04,2020-01-01T00:00:00Z,a test,"
    (tmp_path / "mine.csv").write_text("\n".join([HEADER, old]) + "\n", encoding="utf-8")

    assert "1 of 1 prices were last seen more than 72 h ago" in run("prices", "import", "mine.csv").stderr
    lasting = {"ADVISOR_PRICE_MAX_AGE_HOURS": "200000"}
    assert "last seen more than" not in run("prices", "import", "mine.csv", **lasting).stderr


def test_a_machine_without_prices_is_not_called_an_empty_book(run):
    """With bundled prices in use, a name that nothing matches is told as such."""
    for words in (("show", "--machine", "p5.48xlrage"), ("history", "p5.48xlrage")):
        shown = run("prices", *words).stdout
        assert "No price matches" in shown
        assert "advisor machines" in shown
