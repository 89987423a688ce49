"""Settings from the environment and a `.env` file; each is documented in the README's table."""

import re
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from advisor.errors import UsageInvalid

HTTP = re.compile(r"https?://[^/\s]+", re.IGNORECASE)
DATABASES = re.compile(r"(sqlite|postgres(ql)?)(\+[a-z0-9]+)?://", re.ASCII)


def default_database_url() -> str:
    """Return an SQLite file in the user's data directory."""
    from platformdirs import user_data_path

    return f"sqlite:///{user_data_path('gpu-training-advisor') / 'advisor.sqlite3'}"


class Settings(BaseSettings):
    """What the environment says; variables carry the prefix ADVISOR_, a blank one counts as not set."""

    model_config = SettingsConfigDict(
        env_prefix="ADVISOR_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    database_url: str = Field(
        default_factory=default_database_url, repr=False, description="where prices and plans are stored"
    )
    price_max_age_hours: float = Field(
        default=72.0, gt=0, le=1e6, allow_inf_nan=False, description="oldest price that may be used"
    )
    reference_prices: Literal["on", "off"] = Field(
        default="on", description="whether bundled reference prices fill the gaps of the price book: on or off"
    )
    plan_workers: int = Field(default=2, ge=1, le=64, description="plans that the service makes at the same time")
    plan_queue: int = Field(default=16, ge=1, le=10_000, description="plans that may wait; further ones get 503")
    max_jobs_per_plan: int = Field(default=200, ge=1, le=10_000, description="jobs of a plan that came over HTTP")
    max_time_limit_s: float = Field(
        default=3600.0, ge=1, le=86_400, allow_inf_nan=False, description="longest time limit asked for over HTTP"
    )
    aws_endpoint_url: str | None = Field(default=None, description="address of all AWS calls instead of AWS's own")
    gcp_compute_endpoint: str | None = Field(default=None, description="address of the Compute Engine API")
    gcp_billing_endpoint: str | None = Field(default=None, description="address of the Cloud Billing Catalog API")
    gcp_project: str | None = Field(default=None, description="project in which machine types and zones are listed")
    aws_regions: str = Field(default="", description="AWS regions to collect, comma list; default: all that sell")
    gcp_regions: str = Field(default="", description="GCP regions to collect, comma list; default: all that sell")
    collect_schedule: str | None = Field(
        default=None, description="when prices are collected, cron of five fields, UTC"
    )

    @field_validator("aws_endpoint_url", "gcp_compute_endpoint", "gcp_billing_endpoint")
    @classmethod
    def _is_http_address(cls, address: str | None) -> str | None:
        if address is not None and not HTTP.match(address):
            raise ValueError("must begin with http:// or https://")
        return address

    @field_validator("database_url")
    @classmethod
    def _is_database_address(cls, address: str) -> str:
        if not DATABASES.match(address):
            raise ValueError("must begin with sqlite:/// or postgresql://")
        return address


def settings(env_file: Path | None = None) -> Settings:
    """Read the settings; variables of the environment win over the file.

    Raises:
        UsageInvalid: a variable has a value that cannot work, or the file is no text.
    """
    path = env_file or Path(".env")
    try:
        return Settings(_env_file=path)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        lines = [
            f"ADVISOR_{str(item['loc'][0]).upper()}: {item['msg'].removeprefix('Value error, ')}" for item in found
        ]
        raise UsageInvalid("; ".join(lines)) from None
    except UnicodeDecodeError:
        raise UsageInvalid(f"{path}: is not UTF-8 text; write one NAME=value a line") from None
