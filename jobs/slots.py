"""Replicas while a plan is made: how much each has, and quick answers to who is free for a job."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from heapq import heapify, heappop, heappush
from uuid import UUID

from jobs.fitting import Fitting, ReplicaKind
from jobs.planning import JobView, ReplicaView, StagedChunk


class Slot:
    """One replica."""

    __slots__ = ("kind", "load", "number", "view", "warm")

    def __init__(self, number: int, kind: ReplicaKind, view: ReplicaView) -> None:
        self.number = number
        self.kind = kind
        self.view = view
        self.load = view.busy_chunks + len(view.staged)
        self.warm: frozenset[str] = view.residents
        """Models that it holds, or will hold once it has done what this plan gives it."""

    def hand(self, digest: str) -> None:
        self.load += 1
        if digest not in self.warm:
            self.warm = self.warm | {digest}

    def free_in(self, jobs: Mapping[UUID, JobView]) -> float | None:
        """Seconds until its running chunk is expected to end; None where nobody can tell."""
        if not self.view.busy_chunks:
            return 0.0
        job = jobs.get(self.view.busy_job) if self.view.busy_job is not None else None
        if job is None or job.frame_seconds is None or self.view.busy_chunks > 1:
            return None
        return self.view.busy_frames * job.frame_seconds


def open_slots(fitting: Fitting) -> list[Slot]:
    """A slot for each replica that takes work, in a fixed order."""
    slots: list[Slot] = []
    for kind in fitting.kinds:
        slots.extend(Slot(number, kind, view) for number, view in enumerate(kind.replicas, len(slots)))
    return slots


class FreeSlots:
    """Slots that have exactly ``load`` chunks: first those that hold a model, or those that hold the fewest.

    A slot that got something since is dropped when it comes up.
    """

    def __init__(self, slots: Iterable[Slot], *, load: int) -> None:
        self._load = load
        self._by_kind: dict[ReplicaKind, list[tuple[int, int, Slot]]] = {}
        self._by_model: dict[str, dict[ReplicaKind, list[tuple[int, int, Slot]]]] = defaultdict(dict)
        for slot in slots:
            if slot.load == load:
                self._add(slot)
        for heap in (*self._by_kind.values(), *(heap for kinds in self._by_model.values() for heap in kinds.values())):
            heapify(heap)

    def _add(self, slot: Slot) -> None:
        entry = (len(slot.warm), slot.number, slot)
        self._by_kind.setdefault(slot.kind, []).append(entry)
        for digest in slot.warm:
            self._by_model[digest].setdefault(slot.kind, []).append(entry)

    def any(self) -> bool:
        return any(self._first(heap, None) is not None for heap in self._by_kind.values())

    def of_kind(self, kind: ReplicaKind) -> Slot | None:
        heap = self._by_kind.get(kind)
        entry = self._first(heap, None) if heap else None
        return entry[2] if entry else None

    def warm(self, digest: str, kinds: Iterable[ReplicaKind], may: Callable[[Slot], bool] | None) -> Slot | None:
        """The first that holds the model already."""
        by_kind = self._by_model.get(digest)
        if not by_kind:
            return None
        return self._best((by_kind.get(kind) for kind in kinds), may)

    def cold(self, kinds: Iterable[ReplicaKind], may: Callable[[Slot], bool] | None) -> Slot | None:
        """The one that holds the fewest models, so that as few as possible lose their place."""
        return self._best((self._by_kind.get(kind) for kind in kinds), may)

    def _best(
        self, heaps: Iterable[list[tuple[int, int, Slot]] | None], may: Callable[[Slot], bool] | None
    ) -> Slot | None:
        found = [entry for heap in heaps if heap and (entry := self._first(heap, may)) is not None]
        return min(found, key=_order)[2] if found else None

    def _first(
        self, heap: list[tuple[int, int, Slot]], may: Callable[[Slot], bool] | None
    ) -> tuple[int, int, Slot] | None:
        aside: list[tuple[int, int, Slot]] = []
        found = None
        while heap:
            entry = heap[0]
            if entry[2].load != self._load:
                heappop(heap)
            elif may is not None and not may(entry[2]):
                aside.append(heappop(heap))
            else:
                found = entry
                break
        for entry in aside:
            heappush(heap, entry)
        return found


def _order(entry: tuple[int, int, Slot]) -> tuple[int, int]:
    return entry[:2]


class Staged:
    """Chunks that wait behind a running one, and may be taken back."""

    def __init__(self, slots: Iterable[Slot]) -> None:
        self._chunks = [(slot, chunk) for slot in slots for chunk in slot.view.staged if slot.view.busy_chunks]
        self._taken: set[int] = set()

    def __iter__(self) -> Iterator[tuple[Slot, StagedChunk]]:
        return (pair for pair in self._chunks if pair[1].work_id not in self._taken)

    def take(self, chunk: StagedChunk) -> None:
        self._taken.add(chunk.work_id)
