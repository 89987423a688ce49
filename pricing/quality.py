"""Checks on what was just read, before anything is stored: pure, each answer a reason or None.

The band of plausible prices per GPU-hour is narrower than 730 times, so a price per month taken for one per hour, or a
slip of 1,000, falls outside whatever the true price was. It holds every real row we have: from 0.44 USD (a2-highgpu
spot, 2026) to about 20 USD (B300 list, p5 list of 2023 in the dearest region).
"""

from pricing.hardware import machines
from pricing.money import MICRO_USD_PER_USD
from pricing.observation import PriceRow

LEAST_USD_PER_GPU_HOUR = 0.06
MOST_USD_PER_GPU_HOUR = 40.0
# A machine that no table knows: neither its GPUs nor a band for them is known.
MOST_USD_PER_HOUR_OF_UNKNOWN = 5_000.0
# Units of a currency in a US dollar are at most this, for the currencies that the providers bill in.
CURRENCIES = {
    "USD": 1.0, "EUR": 1.5, "GBP": 1.5, "CHF": 1.5, "CAD": 2.0, "AUD": 2.0, "NZD": 2.5, "SGD": 2.0, "BRL": 10.0,
    "CNY": 10.0, "DKK": 10.0, "HKD": 10.0, "ILS": 5.0, "INR": 110.0, "JPY": 200.0, "KRW": 1800.0, "MXN": 25.0,
    "NOK": 14.0, "SEK": 14.0, "TWD": 40.0, "ZAR": 25.0,
}  # fmt: skip


def implausible(row: PriceRow) -> str | None:
    """Say why a row cannot be a price of its machine, or return None."""
    if row.currency not in CURRENCIES:
        return f"unknown currency {row.currency!r}; use an ISO 4217 code such as USD"
    if row.micro_usd_per_hour <= 0:
        return "the price must be greater than 0; a price of $0 is no price"
    price = row.micro_usd_per_hour / MICRO_USD_PER_USD
    exchange = CURRENCIES[row.currency]
    machine = machines().get(row.machine)
    if machine is None:
        if price > MOST_USD_PER_HOUR_OF_UNKNOWN * exchange:
            return f"{price:g} {row.currency} per hour is not plausible for any machine"
        return None
    per_gpu = price / machine.gpus_per_node
    if not LEAST_USD_PER_GPU_HOUR <= per_gpu <= MOST_USD_PER_GPU_HOUR * exchange:
        return (
            f"{price:g} {row.currency} per hour is {per_gpu:.4g} per GPU-hour, outside {LEAST_USD_PER_GPU_HOUR} to "
            f"{MOST_USD_PER_GPU_HOUR * exchange:g}; is it per month, per GPU, or off by 1000?"
        )
    return None
