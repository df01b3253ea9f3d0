"""What must hold of the queue's rows after every step of the state machine, whatever happened before.

A ``Picture`` is every row of the engine, read by one statement. ``check`` looks at one picture and at the step from the
picture before: history is never rewritten, a terminal state is left only by who asked for it, a frame is in one place.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from db.session import Database
from jobs.limits import FarmLimits
from jobs.order import Order, ordinals_at
from jobs.states import EndReason, Fault

LIVE = ("queued", "leased", "rendering")
HELD = ("leased", "rendering")
ENDED = ("succeeded", "failed", "canceled")
LIMITS = FarmLimits(worker_failures_per_frame=2, resource_failures_per_frame=2)
"""Low, so that a short sequence of steps reaches every ceiling."""
_MERGE_TRIES = 3

_READ = text("""
select json_build_object(
    'jobs', (select coalesce(json_agg(j), '[]') from (
        select id, state, end_reason, total, committed, reused, failed, canceled, skipped, generation, event_seq,
               spec ->> 'order' as hand_out, (spec -> 'limits' ->> 'tries')::integer as tries,
               spec -> 'outputs' -> 'video' <> 'null' as film
        from job) as j),
    'work', (select coalesce(json_agg(w order by id), '[]') from (
        select id, job_id, kind, generation, first, count, ordinals, part, state, fence, assigned_to, replica_id,
               leased_until < now() as expired
        from work) as w),
    'results', (select coalesce(json_agg(r), '[]') from (
        select job_id, ordinal, generation, state, end_reason, attempt_id from frame_result) as r),
    'attempts', (select coalesce(json_agg(a), '[]') from (
        select id, job_id, ordinal, generation, work_id, fence, outcome from attempt) as a),
    'files', (select coalesce(json_agg(f), '[]') from (
        select job_id, ordinal, generation, storage_key from artifact where kind = 'frame') as f),
    'parts', (select coalesce(json_agg(p), '[]') from (
        select job_id, ordinal, generation, part, attempt_id from part_result) as p),
    'events', (select coalesce(json_agg(e order by seq), '[]') from (
        select job_id, seq, kind, data from event) as e)
)
""")

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Picture:
    """Every row of the engine at one moment."""

    jobs: dict[str, Row]
    work: dict[int, Row]
    results: dict[tuple[str, int, int], Row]
    """(job, ordinal, generation)"""
    attempts: dict[str, Row]
    files: list[Row]
    parts: dict[tuple[str, int, int, int], str]
    """(job, ordinal, generation, part) -> attempt"""
    events: dict[str, list[Row]]

    @property
    def held(self) -> dict[int, Row]:
        """Rows under a lease."""
        return {id_: row for id_, row in self.work.items() if row["state"] in HELD}

    def is_held(self, work_id: int, fence: int) -> bool:
        """Whether a claim is still the owner of its row: what a write may depend on, and nothing else."""
        row = self.work[work_id]
        return row["fence"] == fence and row["state"] in HELD and not self.is_over(row["job_id"])

    def is_over(self, job_id: str) -> bool:
        return self.jobs[job_id]["state"] in ENDED

    def last_results(self, job_id: str) -> dict[int, Row]:
        last: dict[int, Row] = {}
        for (job, ordinal, generation), row in self.results.items():
            if job == job_id and (ordinal not in last or generation > last[ordinal]["generation"]):
                last[ordinal] = row
        return last

    def same_as(self, other: Picture) -> bool:
        """Apart from what only the clock changed."""
        return all(
            getattr(self, name) == getattr(other, name)
            for name in ("jobs", "results", "attempts", "files", "parts", "events")
        ) and _timeless(self.work) == _timeless(other.work)


def _timeless(work: dict[int, Row]) -> dict[int, Row]:
    return {id_: {**row, "expired": None} for id_, row in work.items()}


async def read_picture(db: Database) -> Picture:
    async with db.transaction() as tx:
        found: dict[str, list[Row]] = (await tx.execute(_READ)).scalar_one()
    events: dict[str, list[Row]] = defaultdict(list)
    for event in found["events"]:
        events[event["job_id"]].append(event)
    return Picture(
        jobs={row["id"]: row for row in found["jobs"]},
        work={row["id"]: row for row in found["work"]},
        results={(row["job_id"], row["ordinal"], row["generation"]): row for row in found["results"]},
        attempts={row["id"]: row for row in found["attempts"]},
        files=found["files"],
        parts={
            (row["job_id"], row["ordinal"], row["generation"], row["part"]): row["attempt_id"] for row in found["parts"]
        },
        events=dict(events),
    )


def check(
    before: Picture,
    after: Picture,
    *,
    reopened: Collection[str] = (),
    single_step: bool = True,
    limits: FarmLimits = LIMITS,
) -> None:
    """Raise ``AssertionError`` for whatever no sequence of steps may lead to.

    ``reopened``: jobs that the step may have opened again (retry, requeue, skip). ``single_step``: what was committed
    since ``before`` was held then. ``limits``: of the farm.
    """
    for job_id, job in after.jobs.items():
        _every_frame_is_in_one_place(after, job)
        _every_outcome_has_one_event(after, job)
        _the_feed_has_no_gap(after, job_id)
        if job_id in before.jobs:
            _the_end_is_final(before, after, job_id, may_reopen=job_id in reopened)
    _history_stays(before, after)
    _fences_only_rise(before, after)
    _pictures_are_stored(after)
    _ceilings_hold(after, limits)
    if single_step:
        _results_are_of_owners(before, after)


def _every_frame_is_in_one_place(now: Picture, job: Row) -> None:
    """It waits on a range, or is held once, or has its outcome; the counters say the same, and so does the state."""
    last = now.last_results(job["id"])
    places = _places(now, job, last)
    live = [row for row in now.work.values() if row["job_id"] == job["id"] and row["state"] in LIVE]
    tally: Counter[str] = Counter()
    for ordinal in range(job["total"]):
        here = places.get(ordinal, [])
        assert len(here) <= 1, f"frame {ordinal} of {job['id']} is in two places: {here}"
        if here:
            continue
        if ordinal not in last:
            assert job["state"] in (*ENDED, "canceling"), f"frame {ordinal} of {job['id']} is lost"
        tally[last[ordinal]["state"] if ordinal in last else "canceled"] += 1
    counted = {name: job[name] for name in ("committed", "reused", "failed", "canceled", "skipped")}
    assert counted == {name: tally[name] for name in counted}, f"{job['state']}: counted {counted}, found {tally}"
    resolved = sum(counted.values())
    if job["state"] in ENDED:
        assert not live, f"a job that is {job['state']} has live work: {live}"
    elif job["state"] == "canceling":
        assert any(row["state"] in HELD for row in live), "it waits to be canceled by nobody"
    elif job["state"] == "finishing":
        assert any(row["kind"] == "post" for row in live), "nothing is left to finish"
    else:
        assert resolved < job["total"], f"every frame is done, and the job is {job['state']}"


def _places(now: Picture, job: Row, last: dict[int, Row]) -> dict[int, list[str]]:
    """Ordinal -> where it waits or is rendered. A split frame is in one place, however many parts it has."""
    found: dict[int, set[str]] = defaultdict(set)
    for row in now.work.values():
        if row["job_id"] != job["id"] or row["state"] not in LIVE:
            continue
        if row["kind"] == "range":
            order = Order(job["hand_out"])
            for ordinal in ordinals_at(order, job["total"], row["first"], row["count"]):
                if ordinal not in last or last[ordinal]["generation"] < row["generation"]:
                    assert f"range {row['id']}" not in found[ordinal]
                    found[ordinal].add(f"range {row['id']}")
        elif row["kind"] in ("chunk", "part", "merge"):
            if job["state"] == "canceling" and row["kind"] != "chunk":
                continue  # counted when the job was canceled: its parts can make no frame any more
            name = f"chunk {row['id']}" if row["kind"] == "chunk" else f"split in {row['generation']}"
            assert len(set(row["ordinals"])) == len(row["ordinals"])
            for ordinal in row["ordinals"]:
                done = last.get(ordinal)
                assert done is None or done["generation"] < row["generation"], f"{name} renders frame {ordinal} again"
                found[ordinal].add(name)
    return {ordinal: sorted(names) for ordinal, names in found.items()}


_TOLD = {
    "committed": "frames.committed",
    "reused": "frames.reused",
    "failed": "frames.failed",
    "skipped": "frames.skipped",
}


def _every_outcome_has_one_event(now: Picture, job: Row) -> None:
    told: Counter[tuple[str, int]] = Counter()
    for event in now.events[job["id"]]:
        for frame in event["data"].get("frames", ()):
            told[event["kind"], frame["ordinal"]] += 1
    happened = Counter(
        (_TOLD[row["state"]], ordinal)
        for (job_id, ordinal, _), row in now.results.items()
        if job_id == job["id"] and row["state"] in _TOLD
    )
    of_outcomes = Counter({key: count for key, count in told.items() if key[0] in _TOLD.values()})
    assert of_outcomes == happened, f"told {of_outcomes}, happened {happened}"


def _the_feed_has_no_gap(now: Picture, job_id: str) -> None:
    sequence = [event["seq"] for event in now.events[job_id]]
    assert sequence == list(range(1, now.jobs[job_id]["event_seq"] + 1)), sequence
    states = [event["data"]["state"] for event in now.events[job_id] if event["kind"] == "job.state"]
    assert not states or states[-1] == now.jobs[job_id]["state"], "the state was changed without its event"


def _the_end_is_final(before: Picture, after: Picture, job_id: str, *, may_reopen: bool) -> None:
    was, now = before.jobs[job_id], after.jobs[job_id]
    assert now["generation"] >= was["generation"]
    if was["state"] not in ENDED:
        return
    if may_reopen and now["generation"] > was["generation"]:
        return
    # Its priority may be changed, for the day that it is tried again: an event, and no other outcome.
    assert {**now, "event_seq": was["event_seq"]} == was, f"it had {was['state']}, and is now {now}"
    results = {key for key in after.results if key[0] == job_id}
    assert results == {key for key in before.results if key[0] == job_id}, "a job that has ended gained an outcome"


def _history_stays(before: Picture, after: Picture) -> None:
    for name in ("results", "attempts", "parts"):
        old, new = getattr(before, name), getattr(after, name)
        assert old.items() <= new.items() if name == "parts" else all(new.get(key) == row for key, row in old.items())
    for job_id, events in before.events.items():
        assert after.events[job_id][: len(events)] == events


def _fences_only_rise(before: Picture, after: Picture) -> None:
    for id_, was in before.work.items():
        now = after.work[id_]
        assert now["fence"] >= was["fence"]
        if was["state"] not in LIVE:
            assert now["state"] == was["state"], f"work {id_} was {was['state']}, and is {now['state']}"
        if now["state"] in HELD and (was["state"] not in HELD or was["replica_id"] != now["replica_id"]):
            assert now["fence"] > was["fence"], f"work {id_} has a new owner under the old fence"


def _pictures_are_stored(now: Picture) -> None:
    keys: dict[tuple[str, int, int], list[str]] = defaultdict(list)
    for row in now.files:
        keys[row["job_id"], row["ordinal"], row["generation"]].append(row["storage_key"])
    for key, result in now.results.items():
        if result["state"] in ("committed", "reused"):
            assert len(keys[key]) == 1, f"frame {key} has {len(keys[key])} pictures"
            assert result["attempt_id"] in keys[key][0], "its picture is another attempt's"
    pictured = {key for key, row in now.results.items() if row["state"] in ("committed", "reused")}
    assert {key for key, files in keys.items() if files} == pictured, "a file of no frame"


def _ceilings_hold(now: Picture, limits: FarmLimits) -> None:
    spent: Counter[tuple[str, int, int, int | None, Fault, bool]] = Counter()
    for row in now.attempts.values():
        work = now.work[row["work_id"]]
        fault = EndReason(row["outcome"]).facts.fault
        key = (row["job_id"], row["ordinal"], row["generation"], work["part"], fault, work["kind"] == "merge")
        spent[key] += 1
    for (job_id, ordinal, _, _, fault, is_merge), times in spent.items():
        if is_merge and fault is not Fault.NONE:
            ceiling: int | None = _MERGE_TRIES + limits.worker_failures_per_frame
        else:
            ceiling = limits.ceiling(fault, now.jobs[job_id]["tries"])
        assert ceiling is None or times <= ceiling, f"frame {ordinal}: {times} attempts ended by {fault}"


def _results_are_of_owners(before: Picture, after: Picture) -> None:
    """What came in this step came from the claim that held the row when the step began."""
    fresh = [after.results[key] for key in after.results.keys() - before.results.keys()]
    named = {row["attempt_id"] for row in fresh if row["state"] in ("committed", "failed") and row["attempt_id"]}
    named |= {after.parts[key] for key in after.parts.keys() - before.parts.keys()}
    for attempt_id in named:
        attempt = after.attempts[attempt_id]
        assert before.is_held(attempt["work_id"], attempt["fence"]), f"{attempt} did not hold its row"
