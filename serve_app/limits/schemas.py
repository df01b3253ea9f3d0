"""What the limits route answers."""

from __future__ import annotations

from pydantic import BaseModel, Field


class LimitView(BaseModel):
    """One limit."""

    name: str = Field(examples=["max_json_bytes"])
    limit: float | None = Field(description="Null: none is set.")
    unit: str = Field(examples=["bytes", "frames", "seconds", "requests at once"])
    scope: str = Field(description="What it holds for.", examples=["request", "job", "caller", "project and process"])
    used: float | None = Field(None, description="How much of it is used now; null where it is nothing that is used.")
    setting: str = Field(description="What an operator would change.", examples=["RAYFARM_API_MAX_JSON_BYTES"])


class RateView(BaseModel):
    """How many requests of a class a caller may make."""

    rate_class: str = Field(examples=["read"])
    quota: int = Field(description="Requests within `window_s`.")
    window_s: float
    left: int | None = Field(
        description="Requests that may be made at once now, by the count that all processes share; null: not counted."
    )
    full_in_s: float | None = Field(description="Seconds until the whole quota is there again.")
    setting: str


class LimitsView(BaseModel):
    """Every limit that a caller may meet."""

    rates: list[RateView]
    limits: list[LimitView]
