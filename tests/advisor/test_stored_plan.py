"""A validated plan is stored as JSON; reports and what-if questions read it back later."""

import json

from advisor_builders import AS_OF, cluster, document, hour, job, speed

from advisor.plan.load import plan_of


def test_a_plan_reads_back_from_its_own_json_as_the_same_plan():
    """Stated intervals, shares, windows, inline shapes and large numbers included: same hash, same plan."""
    plan = document(
        job(
            "a", 5, speed("p5.48xlarge", 1, 1000.5),
            checkpoint={"gib": 1.5, "restore_minutes": 0, "interval_minutes": 12.5}, dataset={"gib": 0.001, "location": "onprem"},
        ),
        job("b", 5, checkpoint={"interval_minutes": 30}) | {"model": {"parameters": 7e9}},
        job("c", 5, after=["a"]),
        clusters=[cluster(2, available=[{"from": hour(1), "to": hour(3), "nodes": 0}])],
        budget_usd=1e18, max_miss_probability=0.123456789, speed_margin=0, horizon_days=2.5,
    )  # fmt: skip
    loaded = plan_of(plan, name="plan", as_of=AS_OF, folder=None)
    stored = json.loads(json.dumps(loaded.plan.model_dump(mode="json", by_alias=True)))

    again = plan_of(stored, name="plan", as_of=AS_OF, folder=None)

    assert again.plan == loaded.plan
    assert again.sha256 == loaded.sha256
    assert [each["checkpoint"]["interval_minutes"] for each in stored["jobs"][:2]] == [12.5, 30]
