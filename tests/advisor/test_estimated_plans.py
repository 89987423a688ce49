"""Plans on estimates: every node count competes, margins, measured speeds beside, derived figures, what fits nowhere."""

from decimal import Decimal
from fractions import Fraction
from math import floor

import pytest
from advisor_builders import AS_OF, advise, cluster, document, hour, planned, price, speed, total

from advisor.estimate import estimate_nodes
from advisor.estimate.hardware import hardware_of_machine
from advisor.plan.load import plan_of
from advisor.plan.presets import presets
from advisor.recommendation import Recommendation
from advisor.service import PricesMissing
from advisor.speeds import speeds_of

P5 = "p5.48xlarge"
BARE = {"startup_minutes": 0, "markets": ["on_demand"], "max_segments": 1}


def job(name: str = "a", **fields) -> dict:
    """Write a 7B pretraining of 1e9 tokens that is planned on estimates."""
    return {"name": name, "model": "deepseek-llm-7b", "method": "pretrain", "tokens": 1_000_000_000, **fields}


def estimates(plan: dict, machine: str = P5) -> dict[int, float]:
    """Return the speeds of a plan's first job by node count."""
    loaded = plan_of(plan, name="plan", as_of=AS_OF, folder=None)
    first = loaded.plan.jobs[0]
    counts = list(range(1, first.max_nodes + 1))
    found = estimate_nodes(first, loaded.shapes[first.name], hardware_of_machine(machine), counts)
    return {each.nodes: each.tokens_per_second for each in found if each.tokens_per_second}


def cheapest(speeds: dict[int, float], usd: int, margin: str, hours: int) -> Decimal:
    """Return the least cost of one segment that ends within so many hours."""
    costs = []
    for nodes, tokens_per_second in speeds.items():
        planned_speed = floor(Fraction(tokens_per_second) * (1 - Fraction(margin)))
        length = -(-1_000_000_000 // (3600 * planned_speed))
        if length <= hours:
            costs.append(Decimal(usd * nodes * length))
    return min(costs)


@pytest.mark.parametrize(("hours", "margin"), [(24, "0.15"), (2, "0.15"), (1, "0.4"), (24, "0")])
def test_every_node_count_competes_at_its_estimate_less_the_margin(hours, margin):
    """The plan costs what the cheapest of all node counts costs by hand, whatever the deadline and the margin."""
    plan = document(job(deadline=hour(hours), max_nodes=12, **BARE), speed_margin=float(margin))

    answer = planned(plan, price(10))

    lines = [line for line in answer.lines if line.category == "compute"]
    assert sum(Decimal(line.cost.amount) for line in lines) == cheapest(estimates(plan), 10, margin, hours)
    segment = answer.segments[0]
    assert segment.speed_basis == "estimated"
    assert segment.layout is not None
    assert segment.layout.tp * segment.layout.pp * segment.layout.cp * segment.layout.dp == 8 * segment.nodes
    assert segment.tokens_per_second == floor(Fraction(estimates(plan)[segment.nodes]) * (1 - Fraction(margin)))


@pytest.mark.parametrize("method", ["pretrain", "lora"])
def test_without_a_stated_margin_the_low_end_of_the_interval_is_planned(method):
    """The margin is the estimate's own: what leads to the low end of the 80 % interval of its kind, and is said."""
    plan = document(job(deadline=hour(48), max_nodes=1, **BARE) | {"method": method})

    answer = planned(plan, price(10))

    loaded = plan_of(plan, name="plan", as_of=AS_OF, folder=None)
    (first,) = loaded.plan.jobs
    (found,) = estimate_nodes(first, loaded.shapes[first.name], hardware_of_machine(P5), [1])
    assert answer.segments[0].tokens_per_second == floor(found.tokens_per_second_low)
    assert "(speed_margin: the low end of the 80 % interval)" in answer.segments[0].speed_source


def test_a_measured_speed_replaces_the_estimate_and_loses_no_margin():
    """A job measured at a million tokens a second on one node needs one node-hour."""
    measured = [speed(P5, 1, 1_000_000)]

    answer = planned(document(job(deadline=hour(24), measured=measured, **BARE)), price(10))

    assert [(s.nodes, s.tokens_per_second, s.speed_basis) for s in answer.segments] == [(1, 1_000_000, "measured")]
    assert answer.segments[0].layout is None


def test_what_is_derived_is_said_and_charged():
    """Start, checkpoint, margin and storage stand in the assumptions; the storage line has a source and adds up."""
    answer = planned(document(job(deadline=hour(24), max_nodes=4)), price(10))

    said = " ".join(answer.assumptions)
    for words in (
        "90.1 GiB",
        "minutes without progress",
        "low end of their 80 % interval (speed_margin)",
        "kept for a month",
    ):
        assert words in said, words
    storage = [line for line in answer.lines if line.category == "storage"]
    assert len(storage) == 1
    assert storage[0].source
    assert storage[0].observed_at
    assert Decimal(storage[0].quantity) == pytest.approx(Decimal("180.202"))
    assert sum(Decimal(line.cost.amount) for line in answer.lines) == Decimal(answer.total.amount)


def test_spot_is_planned_slower_by_what_interruptions_lose():
    """The same job on spot alone runs a few percent slower than on demand, and the segment says by how much."""
    fields = {"deadline": hour(240), "max_nodes": 1, "max_segments": 1, "startup_minutes": 10}
    on_demand = planned(document(job(markets=["on_demand"], **fields)), price(10))
    spot = planned(
        document(job(markets=["spot", "on_demand"], **fields)), price(10), price(2, market="spot", zone="use1-az1")
    )

    kept = spot.segments[0].tokens_per_second / on_demand.segments[0].tokens_per_second
    assert spot.segments[0].market == "spot"
    assert 0.88 < kept < 0.97
    assert "lost to interruptions" in spot.segments[0].speed_source


def test_a_checkpoint_that_changes_region_is_charged():
    """Two commitments in two regions, each too short alone: the checkpoint's way from one to the other is a line."""

    def held(name: str, region: str, first: int, last: int) -> dict:
        return {
            "name": name,
            "provider": "aws",
            "region": region,
            "machine": P5,
            "nodes": 1,
            "start": hour(first),
            "end": hour(last),
        }

    one = job(deadline=hour(10), markets=[], startup_minutes=0, max_nodes=1, checkpoint={"gib": 100})
    rate = floor(Fraction(estimates(document(one))[1]) * Fraction("0.85"))
    plan = document(
        {**one, "tokens": 9 * 3600 * rate},
        commitments=[held("east", "us-east-1", 0, 6), held("west", "us-west-2", 6, 10)],
    )

    answer = planned(plan)

    assert [segment.region for segment in answer.segments] == ["us-east-1", "us-west-2"]
    egress = [line for line in answer.lines if line.category == "egress"]
    assert [(line.quantity, line.cost.amount) for line in egress] == [("100", "2.00")]


def test_a_dataset_keeps_a_job_where_moving_it_would_cost_more():
    """A region that is a dollar an hour cheaper does not pay for 900 GiB on the way: each way is priced."""
    fields = {"deadline": hour(48), "dataset": {"gib": 900, "location": "aws/us-east-1"}, "max_nodes": 1}
    rows = [price(10), price(9, region="us-east-2")]

    assert planned(document(job(**fields, **BARE)), *rows).segments[0].region == "us-east-1"
    assert (
        planned(document(job(tokens=30_000_000_000, **{**fields, "deadline": hour(200)}, **BARE)), *rows)
        .segments[0]
        .region
        == "us-east-2"
    )


def test_what_fits_nowhere_is_infeasible_with_the_nearest_remedy():
    """A full fine-tune of 130B on one node: the answer names what it needs, of what, and what would do."""
    plan = document(
        job(model="plain-130b", method="full_finetune", deadline=hour(24), max_nodes=1, placement={"machines": [P5]})
    )

    answer = planned(plan, price(10))

    assert answer.status == "infeasible"
    assert answer.infeasibility is not None
    (conflict,) = answer.infeasibility.conflict
    assert conflict.path == "jobs[0].max_nodes"
    assert "GiB of 79.6" in conflict.says
    assert "optimizer" in conflict.says
    assert "It would fit on" in conflict.says


def test_machines_on_which_a_job_does_not_fit_are_excluded_with_the_parts():
    """Beside a machine where it fits, the other one is listed with what it lacks."""
    plan = document(job(model="plain-32b", method="full_finetune", deadline=hour(240), max_nodes=1, **BARE))

    answer = planned(plan, price(10, machine="p5en.48xlarge"), price(1, machine="p4d.24xlarge"))

    assert {segment.machine for segment in answer.segments} == {"p5en.48xlarge"}
    reasons = [entry.reason for entry in answer.excluded if "p4d.24xlarge" in entry.what]
    assert any(reason.startswith("needs ") and "of 40.0" in reason for reason in reasons)


def test_a_job_that_fits_only_where_no_price_is_known_ends_with_missing_prices():
    """No price row at all: machines fit, so prices are missing; exit code 4, not infeasible."""
    answer = advise(document(job(deadline=hour(24))))

    assert isinstance(answer, PricesMissing)
    assert answer.jobs == ("a",)


def test_owned_nodes_need_no_price():
    """With a cluster the same plan is made without any price row."""
    answer = advise(document(job(deadline=hour(240)), clusters=[cluster(2)]))

    assert isinstance(answer, Recommendation)
    assert {segment.cluster for segment in answer.segments} == {"onprem"}
    assert not [line for line in answer.lines if line.category in {"storage", "egress"}]


def tight_job() -> tuple[dict, str, int]:
    """Find a job and the fewest nodes of a machine on which it fits, where the best layout there is tight."""
    loaded = plan_of(document(job()), name="plan", as_of=AS_OF, folder=None)
    for name, preset in presets().items():
        for machine in ("p4d.24xlarge", P5, "p5en.48xlarge"):
            for method in ("full_finetune", "lora"):
                tried = loaded.plan.jobs[0].model_copy(update={"method": method, "model": name})
                found = estimate_nodes(tried, preset.shape, hardware_of_machine(machine), list(range(1, 9)))
                fewest = next((each for each in found if each.verdict != "does_not_fit"), None)
                if fewest is not None and fewest.verdict == "tight":
                    return job(model=name, method=method), machine, fewest.nodes
    raise AssertionError("no preset is tight on these machines; look for another")


def test_a_tight_layout_is_planned_with_a_warning():
    """Where the only layout of a node count is tight, it is used and the warning names it."""
    found, machine, nodes = tight_job()
    plan = document({**found, "max_nodes": nodes, "deadline": hour(4000), **BARE})

    answer = planned(plan, price(10, machine=machine, nodes=nodes))

    assert {segment.nodes for segment in answer.segments} == {nodes}
    assert any("memory is nearly full" in warning for warning in answer.warnings)
    loaded = plan_of(plan, name="plan", as_of=AS_OF, folder=None)
    speeds = speeds_of(loaded.plan.jobs[0], loaded.shapes["a"], loaded.plan, machine).known
    assert [(each.nodes, each.is_tight) for each in speeds] == [(nodes, True)]


def test_a_model_known_by_its_size_alone_says_that_its_shape_is_inferred():
    """{parameters: 7e9} is planned, and the assumptions say that the shape is ours."""
    answer = planned(document(job(model={"parameters": 7_000_000_000}, deadline=hour(48), max_nodes=2)), price(10))

    assert total(answer)
    assert any("shape inferred" in line for line in answer.assumptions)
