"""The catalog client's raw SKU messages as `CatalogSku`: nothing is judged here, nothing lost that prices need."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC
from typing import Any

from google.cloud import billing_v1
from google.protobuf import json_format

from pricing.collectors.gcp_skus import CatalogSku, Pricing, Tier

UNREADABLE = (json_format.ParseError, ValueError, TypeError, AttributeError)


def page_of(document: Mapping[str, Any]) -> tuple[Any, dict[str, str]]:
    """Read a page of SKUs one by one, for a page that the client refuses as a whole because of one of them.

    Return the page as the client's raw message, in which a SKU that cannot be read has no price (or is left out), and
    the reason for each of those by its id.

    Raises:
        ValueError: the document is no page of SKUs at all.
    """
    skus, token = document.get("skus"), document.get("nextPageToken", "")
    if not isinstance(skus, list) or not isinstance(token, str):
        raise ValueError("no list of SKUs")
    page = billing_v1.ListSkusResponse.pb(billing_v1.ListSkusResponse(next_page_token=token))
    unreadable = {}
    for sku in skus:
        words = sku if isinstance(sku, dict) else {}
        try:
            page.skus.append(_message(sku))
        except UNREADABLE as error:
            unreadable[str(words.get("skuId") or "?")[:64]] = f"cannot be read ({' '.join(str(error).split())[:200]})"
            with suppress(*UNREADABLE):
                page.skus.append(_message({name: value for name, value in words.items() if name != "pricingInfo"}))
    return page, unreadable


def _message(sku: Any) -> Any:
    return json_format.ParseDict(sku, billing_v1.Sku.pb(billing_v1.Sku()), ignore_unknown_fields=True)


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
