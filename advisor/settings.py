"""Settings from the environment and a `.env` file; each is documented in the README's table."""

from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from advisor.errors import UsageInvalid


def default_database_url() -> str:
    """Return an SQLite file in the user's data directory."""
    from platformdirs import user_data_path

    return f"sqlite:///{user_data_path('gpu-training-advisor') / 'advisor.sqlite3'}"


class Settings(BaseSettings):
    """What the environment says; variables carry the prefix ADVISOR_."""

    model_config = SettingsConfigDict(env_prefix="ADVISOR_", env_file=".env", extra="ignore", frozen=True)

    database_url: str = Field(default_factory=default_database_url, description="where prices and plans are stored")
    price_max_age_hours: float = Field(
        default=72.0, gt=0, allow_inf_nan=False, description="oldest price that may be used"
    )


def settings(env_file: Path | None = None) -> Settings:
    """Read the settings.

    Raises:
        UsageInvalid: a variable has a value that cannot work.
    """
    try:
        return Settings(_env_file=env_file or ".env")
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        lines = [f"ADVISOR_{str(item['loc'][0]).upper()}: {item['msg']}" for item in found]
        raise UsageInvalid("; ".join(lines)) from None
