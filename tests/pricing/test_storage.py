"""Storage prices: sourced, and unknown where no row stands."""

from pricing.storage import storage_price


def test_both_clouds_have_a_sourced_price_in_every_region():
    """A row of the provider counts where its region has none; each has source and date."""
    for provider, micro_usd in (("aws", 23_000), ("gcp", 20_000)):
        price = storage_price(provider, "any-region")
        assert price is not None
        assert price.micro_usd_per_gib_month == micro_usd
        assert price.source
        assert price.observed_at.year >= 2022


def test_an_unknown_provider_has_no_price():
    """Absence is never zero."""
    assert storage_price("lambda", "us-west-1") is None
