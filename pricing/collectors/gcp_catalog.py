"""The catalog client's raw SKU messages as `CatalogSku`: nothing is judged here, nothing lost that prices need."""

from datetime import UTC
from typing import Any

from pricing.collectors.gcp_skus import CatalogSku, Pricing, Tier


def catalog_sku(message: Any) -> CatalogSku:
    """Copy what prices need out of a `google.cloud.billing.v1.Sku` message."""
    return CatalogSku(
        id=message.sku_id or message.name.rpartition("/")[2],
        description=message.description,
        resource_group=message.category.resource_group,
        usage_type=message.category.usage_type,
        regions=tuple(message.service_regions) or tuple(message.geo_taxonomy.regions),
        pricing=tuple(_pricing(entry) for entry in message.pricing_info),
    )


def _pricing(entry: Any) -> Pricing:
    expression = entry.pricing_expression
    return Pricing(
        entry.effective_time.ToDatetime(tzinfo=UTC) if entry.HasField("effective_time") else None,
        expression.usage_unit,
        tuple(
            Tier(
                rate.start_usage_amount,
                rate.unit_price.currency_code,
                int(rate.unit_price.units),
                rate.unit_price.nanos,
            )
            for rate in expression.tiered_rates
        ),
    )
