"""The tables of `docs/operations/slo.md`, between its marks."""

from __future__ import annotations

from collections.abc import Iterator

from observability.slo import PAGES, PERIOD, SLOS, TICKETS, Burn, Slo

BEGIN, END = "<!-- written by `python -m observability.write` -->", "<!-- end of what is written -->"


def with_tables(page: str) -> str:
    """The page with the tables as the code has them now."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    if not rest or not after:
        raise ValueError(f"slo.md has no place for the tables: {BEGIN} … {END}")
    return f"{before}{BEGIN}\n\n" + "\n".join(_tables()) + f"\n\n{END}{after}"


def _tables() -> Iterator[str]:
    days = PERIOD.days
    yield f"| Objective | Over {days} days | Budget | Recorded as |"
    yield "|---|---|---|---|"
    for slo in SLOS:
        yield f"| {slo.objective * 100:g} % | {slo.words} | {_budget(slo)} | `rayfarm:{slo.name}:ratio_rate…` |"
    yield ""
    yield "| Alert | Budget goes | Seen over | And over | Budget that is gone by then |"
    yield "|---|---|---|---|---|"
    for kind, ways in (("BurnsFast", PAGES), ("BurnsSlowly", TICKETS)):
        for way in ways:
            yield f"| `…{kind}` | {_rate(way)} | {way.long} | {way.short} | {way.spent} |"


def _budget(slo: Slo) -> str:
    minutes = PERIOD.total_seconds() / 60 * slo.budget
    return f"{slo.budget * 100:.3g} % of requests (an outage of {minutes:.0f} min)"


def _rate(way: Burn) -> str:
    return f"{way.rate:g} times as fast as it may"
