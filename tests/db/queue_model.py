"""What must hold of the queue's rows after every step of the state machine, whatever happened before.

A ``Picture`` is every row of the engine, read by one statement. ``check`` looks at one picture and at the step from the
picture before. What must hold, and where it is looked at:

- at most one live lease per frame or part, each under a fence of its own: ``_places``, ``_fences_only_rise``
- a commit names the attempt that holds its row: ``_results_are_of_owners``
- a terminal state never changes, and a job that ended gains no outcome: ``_the_end_is_final``, ``_history_stays``
- each outcome has one end reason and one event: ``_every_end_has_its_reason``, ``_every_outcome_has_one_event``
- attempts stay below the ceiling of each class: ``_ceilings_hold``
- a job ends if and only if all its frames did: ``_every_frame_is_in_one_place``
- no row outlives its lease by more than one rescue: the machine's ``rescue``, and the end of each example
- the feed has no gap and tells each state: ``_the_feed_has_no_gap``
- what a frame's row names is in storage and is what it says: ``_files_are_stored``
- only a replica that accepts work gets it: ``_only_who_accepts_gets_work``
- a blocked machine is an event: ``_blocks_are_told``
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text

from db.session import Database
from jobs.limits import FarmLimits
from jobs.order import Order, ordinals_at
from jobs.states import EndReason, Fault
from tests.db.books import BOOKS

LIVE = ("queued", "leased", "rendering")
HELD = ("leased", "rendering")
ENDED = ("succeeded", "failed", "canceled")
LIMITS = FarmLimits(worker_failures_per_frame=2, resource_failures_per_frame=2, failures_before_block=2)
"""Low, so that a short sequence of steps reaches every ceiling."""
_MERGE_TRIES = 3

PICTURE = (
    """
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
        select job_id, ordinal, generation, storage_key, sha256 from artifact where kind = 'frame') as f),
    'parts', (select coalesce(json_agg(p), '[]') from (
        select job_id, ordinal, generation, part, attempt_id, storage_key, sha256 from part_result) as p),
    'events', (select coalesce(json_agg(e order by seq), '[]') from (
        select job_id, seq, kind, data from event) as e),
    'blocks', (select coalesce(json_agg(b), '[]') from (
        select job_id, node from job_block where blocked_at is not null) as b),
    'misbooked', (select coalesce(json_agg(b), '[]') from ("""
    + BOOKS
    + """) as b),
    'accepting', (select coalesce(json_agg(id), '[]') from accepting_replica)
)
"""
)

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
    part_files: list[Row] = field(default_factory=list)
    misbooked: list[Row] = field(default_factory=list)
    """What the usage ledger holds otherwise than it happened."""
    blocks: set[tuple[str, str]] = field(default_factory=set)
    """(job, machine that gets no more of its work)"""
    accepting: set[str] = field(default_factory=set)
    """Replicas that may be given work."""
    stored: Mapping[str, str] | None = None
    """Key -> SHA-256 of what is in storage; None: storage was not looked at."""

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
            for name in ("jobs", "results", "attempts", "files", "parts", "events", "blocks")
        ) and _timeless(self.work) == _timeless(other.work)


def _timeless(work: dict[int, Row]) -> dict[int, Row]:
    return {id_: {**row, "expired": None} for id_, row in work.items()}


async def read_picture(db: Database) -> Picture:
    async with db.transaction() as tx:
        return picture_of((await tx.execute(text(PICTURE))).scalar_one())


def picture_of(found: dict[str, Any], stored: Mapping[str, str] | None = None) -> Picture:
    """What ``PICTURE`` returned."""
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
        part_files=found["parts"],
        misbooked=found["misbooked"],
        blocks={(row["job_id"], row["node"]) for row in found["blocks"]},
        accepting=set(found["accepting"]),
        stored=stored,
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
        _every_end_has_its_reason(after, job)
        _every_outcome_has_one_event(after, job)
        _the_feed_has_no_gap(after, job_id)
        if job_id in before.jobs:
            _the_end_is_final(before, after, job_id, may_reopen=job_id in reopened)
    assert not after.misbooked, after.misbooked
    _history_stays(before, after)
    _fences_only_rise(before, after)
    _pictures_are_stored(after)
    _ceilings_hold(after, limits)
    _files_are_stored(after)
    if single_step:
        _results_are_of_owners(before, after)
        _only_who_accepts_gets_work(before, after)
        _blocks_are_told(before, after)


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
    parts: set[tuple[int, int, int | None]] = set()
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
            if row["kind"] != "chunk":
                part = (row["ordinals"][0], row["generation"], row["part"])
                assert part not in parts, f"part {part} is in two rows"
                assert part[2] is None or (job["id"], *part[:2], part[2]) not in now.parts, f"{part} is there already"
                parts.add(part)
            for ordinal in row["ordinals"]:
                done = last.get(ordinal)
                assert done is None or done["generation"] < row["generation"], f"{name} renders frame {ordinal} again"
                found[ordinal].add(name)
    return {ordinal: sorted(names) for ordinal, names in found.items()}


_STATES_OF = {
    Fault.NONE: ("committed", "reused"),
    Fault.TASK: ("failed",),
    Fault.WORKER: ("failed",),
    Fault.RESOURCE: ("failed",),
    Fault.INTERRUPTION: ("canceled", "skipped"),
}
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


def _every_end_has_its_reason(now: Picture, job: Row) -> None:
    assert (job["end_reason"] is not None) == (job["state"] in ENDED)
    for (job_id, _, _), row in now.results.items():
        if job_id == job["id"]:
            facts = EndReason(row["end_reason"]).facts
            assert row["state"] in _STATES_OF[facts.fault], f"{row['state']} for {row['end_reason']}"


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
    since = after.events[job_id][was["event_seq"] :]
    assert all(event["kind"] != "job.state" for event in since), f"it had {was['state']}, and then: {since}"
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


def _files_are_stored(now: Picture) -> None:
    """What a row names is in storage and is what the row says: pictures for ever, parts until they are merged."""
    if now.stored is None:
        return
    merging = {
        (row["job_id"], row["ordinals"][0], row["generation"])
        for row in now.work.values()
        if row["kind"] in ("part", "merge") and row["state"] in LIVE and now.jobs[row["job_id"]]["state"] != "canceling"
    }
    parts = [row for row in now.part_files if (row["job_id"], row["ordinal"], row["generation"]) in merging]
    for row in (*now.files, *parts):
        assert now.stored.get(row["storage_key"]) == row["sha256"], f"{row['storage_key']} is not what is in storage"


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


def _only_who_accepts_gets_work(before: Picture, after: Picture) -> None:
    """Not a replica that drains or is disabled, whatever the planner's snapshot said."""
    for id_, row in after.work.items():
        given = row["assigned_to"] or (row["replica_id"] if row["state"] in HELD else None)
        was = before.work.get(id_)
        had = was and (
            was["assigned_to"] if row["assigned_to"] else was["replica_id"] if was["state"] in HELD else None
        )
        if given is not None and given != had and row["kind"] in ("chunk", "part"):
            assert given in before.accepting, f"{given} takes no work, and got {row}"


def _blocks_are_told(before: Picture, after: Picture) -> None:
    """A machine that gets no more of a job's work, or gets it again, is an event of the job."""
    for job_id, events in after.events.items():
        told: Counter[tuple[str, str]] = Counter()
        for event in events[len(before.events.get(job_id, ())) :]:
            if event["kind"] in ("node.blocked", "node.unblocked"):
                told[event["kind"], event["data"]["node"]] += 1
        is_blocked = {node for job, node in after.blocks if job == job_id}
        was_blocked = {node for job, node in before.blocks if job == job_id}
        happened = Counter(("node.blocked", node) for node in is_blocked - was_blocked)
        happened.update(("node.unblocked", node) for node in was_blocked - is_blocked)
        assert told == happened, f"told {told}, happened {happened}"
