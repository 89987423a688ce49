"""What a reader is warned of, and what is taken for granted: true of the plan at hand."""

from advisor_builders import AS_OF, cluster, document, hour, job, planned, price, speed

from advisor.plan.load import plan_of

P5 = "p5.48xlarge"
A3 = "a3-highgpu-8g"
LAMBDA = {
    "name": "x8",
    "provider": "lambda",
    "gpu": "H100-SXM-80GB",
    "gpus_per_node": 8,
    "network_gbit_per_second": 400,
}


def warned(*jobs, **fields):
    """Return the warnings of a plan document."""
    return plan_of(document(*jobs, **fields), name="plan", as_of=AS_OF, folder=None).warnings


def test_unknown_providers_and_regions_are_warnings_wherever_they_are_named():
    """Each with its path and the nearest known name; what is known is not spoken of."""
    work = job(
        "a", 1, speed(P5, 1, 1000),
        placement={"providers": ["aws", "awz"], "regions": ["us-east-1", "us-est-1"], "exclude": {"regions": ["x"]}},
        dataset={"gib": 1, "location": "gcp/us-east-1"},
    )  # fmt: skip
    held = {
        "name": "c", "provider": "aws", "region": "us-central1", "machine": P5, "nodes": 1, "start": hour(0), "end": hour(9),
    }  # fmt: skip

    said = warned(
        work,
        clusters=[cluster(1) | {"location": "azure/eastus"}],
        limits=[{"provider": "aws", "region": "us-east-1", "max_nodes": 1}, {"region": "nowhere", "max_nodes": 1}],
        discounts=[{"provider": "oracle", "percent": 5}],
        commitments=[held],
    )

    assert [text.partition(":")[0] for text in said] == [
        "jobs[0].placement.providers[1]",
        "jobs[0].placement.regions[1]",
        "jobs[0].placement.exclude.regions[0]",
        "jobs[0].dataset.location",
        "clusters[0].location",
        "limits[1]",
        "discounts[0]",
        "commitments[0]",
    ]
    assert "did you mean 'aws'?" in said[0]


def test_providers_of_the_plans_own_machines_are_known():
    """Their regions are anybody's guess, so none of them is a slip."""
    work = job("a", 1, speed("x8", 1, 1000), placement={"providers": ["lambda"], "regions": ["us-south-9"]})

    assert (
        warned(work, machines=[LAMBDA], limits=[{"provider": "lambda", "region": "us-south-9", "max_nodes": 1}]) == ()
    )


def test_a_miss_probability_of_null_has_its_warning():
    """Off spot too: null is never without a word."""
    answer = planned(document(job("a", 1, speed(P5, 1, 1000), deadline=hour(5))), price(50))

    assert answer.jobs[0].miss_probability is None
    assert any("miss_probability is null" in text for text in answer.warnings)


def test_only_aws_takes_a_block_back_early():
    """A block of Google Cloud is held to its end, and the assumptions do not say otherwise."""
    fields = {"name": "blk", "nodes": 1, "start": hour(0), "end": hour(10), "kind": "block"}
    blocks = {
        P5: {**fields, "provider": "aws", "region": "us-east-1", "machine": P5},
        A3: {**fields, "provider": "gcp", "region": "us-central1", "machine": A3},
    }
    for machine, ends in ((P5, 9), (A3, 10)):
        work = job("a", ends, speed(machine, 1, 1000), deadline=hour(10))
        answer = planned(document(work, commitments=[blocks[machine]]))
        (said,) = [text for text in answer.assumptions if text.startswith("Commitment blk")]

        assert answer.status == "optimal"
        assert ("30 minutes early" in said) is (machine == P5)


def test_the_default_batch_is_said():
    """A default that is derived from the method is listed like any other."""
    tuning = {"name": "a", "model": "llama-2-7b", "method": "lora", "tokens": 1e6, "max_nodes": 1, "deadline": hour(9)}

    answer = planned(document(tuning), price(50))
    stated = planned(document({**tuning, "global_batch_size": 32}), price(50))

    assert "a: default global_batch_size: 64 sequences per optimizer step." in answer.assumptions
    assert not any("default global_batch_size" in text for text in stated.assumptions)
