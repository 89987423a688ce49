"""Choices that are dropped before the solver: each has a replacement that is kept, and the best plan is the same."""

from dataclasses import replace

from advisor_builders import AS_OF, document, hour
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.configurations import Configuration
from advisor.dominance import limit_matches, undominated
from advisor.places import Place, UnitPrice
from advisor.plan.load import plan_of
from pricing.offer import Market
from solver import Job, Option, Pool, Problem, Quota, Solved, solve

SITES = ["us-east-1", "us-west-2"]


def place(index: int, region: str, machine: str, market: Market, usd: int, nodes: int | None) -> Place:
    """Make an offer's place."""
    price = UnitPrice(
        category="compute", micro_usd_per_hour=usd * 1_000_000, basis="list", source="a test", observed_at=None
    )
    return Place(
        key=f"{index}",
        kind="offer",
        machine=machine,
        gpus_per_node=8,
        prices=(price,),
        capacity=None if nodes is None else ((0, nodes),),
        site=f"aws/{region}",
        provider="aws",
        region=region,
        market=market,
    )


@st.composite
def worlds(draw):
    """Draw a few places with speeds of their machine, and a limit."""
    speeds = {
        machine: [draw(st.integers(1, 5)) * 100 * nodes for nodes in (1, 2, 3)]
        for machine in ("p5.48xlarge", "p4d.24xlarge")
    }
    choices = {}
    for index in range(draw(st.integers(2, 6))):
        machine = draw(st.sampled_from(sorted(speeds)))
        where = place(
            index,
            draw(st.sampled_from(SITES)),
            machine,
            draw(st.sampled_from([Market.ON_DEMAND, Market.SPOT])),
            draw(st.integers(1, 6)),
            draw(st.sampled_from([None, None, 2])),
        )
        choices[where.key] = [
            Configuration(
                job="a",
                place=where,
                nodes=n,
                tokens_per_second=rate,
                start_seconds=600,
                speed_basis="measured",
                speed_source="a test",
            )
            for n, rate in zip((1, 2, 3), speeds[machine], strict=True)
            if n <= (2 if where.capacity else 3)
        ]
    limits = draw(
        st.sampled_from([[], [{"machine": "p5.48xlarge", "max_nodes": 2}], [{"market": "spot", "max_nodes": 1}]])
    )
    job = {
        "name": "a",
        "model": "deepseek-llm-7b",
        "method": "pretrain",
        "tokens": 1000,
        "deadline": hour(8),
        "max_nodes": 3,
    }
    plan = plan_of(document(job, limits=limits), name="plan", as_of=AS_OF, folder=None).plan
    return plan, choices, draw(st.integers(1, 6_000_000))


def problem(plan, choices, work: int) -> Problem:
    """Write the solver's problem of one job on these choices."""
    places = [chosen[0].place for chosen in choices.values()]
    options = tuple(
        Option(
            pool=c.place.key,
            nodes=c.nodes,
            rate=c.tokens_per_second,
            start_s=c.start_seconds,
            deadline_s=4 * 3600 if c.place.is_spot else None,
        )
        for chosen in choices.values()
        for c in chosen
    )
    quotas = [
        Quota(id=str(i), pools=pools, limit=((0, limit.max_nodes),))
        for i, limit in enumerate(plan.limits)
        if (pools := tuple(p.key for p in places if limit_matches(limit, p)))
    ]
    return Problem(
        name="a",
        grid_s=3600,
        end_grid_s=3600,
        horizon_s=8 * 3600,
        pools=tuple(
            Pool(id=p.key, region=p.site, price=((0, p.micro_usd_per_hour),), capacity=p.capacity or ((0, 3),))
            for p in places
        ),
        quotas=tuple(quotas),
        jobs=(Job(id="a", work=work, release_s=0, deadline_s=8 * 3600, options=options, max_segments=2),),
    )


@given(worlds())
@settings(max_examples=60, deadline=None)
def test_the_cheapest_plan_does_not_change(world):
    """With and without the dropped choices the optimum costs the same, limits, capacities and spot included."""
    plan, choices, work = world
    kept = undominated(choices, plan, {})

    everything, fewer = (solve(problem(plan, each, work), time_limit_s=20) for each in (choices, kept))

    assert type(everything) is type(fewer)
    if isinstance(everything, Solved) and isinstance(fewer, Solved):
        assert everything.status == fewer.status == "optimal"
        assert everything.cost_uusd == fewer.cost_uusd


@given(worlds())
@settings(max_examples=60, deadline=None)
def test_every_dropped_choice_has_a_kept_one_that_is_as_good(world):
    """No slower, no dearer an hour, no later to start, and never spot for what is not."""
    plan, choices, _ = world
    kept = [c for chosen in undominated(choices, plan, {}).values() for c in chosen]

    for chosen in choices.values():
        for one in chosen:
            limits = [limit.max_nodes for limit in plan.limits if limit_matches(limit, one.place)]
            if one in kept or one.nodes > min(limits, default=3):
                continue
            assert any(
                c.tokens_per_second >= one.tokens_per_second
                and c.micro_usd_per_hour <= one.micro_usd_per_hour
                and c.start_seconds <= one.start_seconds
                and (one.place.is_spot or not c.place.is_spot)
                for c in kept
            )


def test_a_dearer_twin_in_another_region_goes_and_one_with_a_cheaper_site_stays():
    """Same machine and market: the dearer region goes; where using the cheaper one costs more by itself, both stay."""
    plan = plan_of(
        document({"name": "a", "model": "deepseek-llm-7b", "method": "pretrain", "tokens": 1000, "max_nodes": 3}),
        name="plan", as_of=AS_OF, folder=None,
    ).plan  # fmt: skip
    cheap, dear = (place(i, SITES[i], "p5.48xlarge", Market.ON_DEMAND, 5 + i, None) for i in (0, 1))
    base = Configuration(
        job="a", place=cheap, nodes=1, tokens_per_second=9, start_seconds=0, speed_basis="measured", speed_source=""
    )
    choices = {"0": [base], "1": [replace(base, place=dear)]}

    assert set(undominated(choices, plan, {})) == {"0"}
    assert set(undominated(choices, plan, {"aws/us-east-1": 1})) == {"0", "1"}
    both = {"aws/us-east-1": 1, "aws/us-west-2": 1}
    assert set(undominated(choices, plan, both)) == {"0"}
    assert set(undominated(choices, plan, both, only_to_free_sites=True)) == {"0", "1"}
    assert set(undominated(choices, plan, {"aws/us-west-2": 1}, only_to_free_sites=True)) == {"0"}
