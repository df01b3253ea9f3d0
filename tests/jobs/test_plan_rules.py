"""What may render what, how much of it at once, and what is said of those that wait."""

from __future__ import annotations

from uuid import UUID, uuid4

from jobs.planning import (
    Assign,
    CrowdView,
    LooseChunk,
    PlanSettings,
    ProjectView,
    StagedChunk,
    WaitReason,
)
from jobs.spec import PriorityClass
from tests.jobs.plan_builders import SETTINGS, chunks_of, frames_of, job, plan, replica


class TestCaps:
    def test_a_job_never_has_more_chunks_in_flight_than_its_max_replicas(self) -> None:
        capped = job(max_replicas=3, active_chunks=1)
        made = plan([replica(n) for n in range(5)], [capped])
        assert chunks_of(made, capped) == 2
        assert made.waits == {capped.id: WaitReason.CAP}

    def test_what_a_cap_leaves_free_goes_to_others(self) -> None:
        capped, other = job(max_replicas=1), job(created_order=9)
        made = plan([replica(n) for n in range(4)], [capped, other])
        assert (chunks_of(made, capped), chunks_of(made, other)) == (1, 7)

    def test_a_capped_job_takes_larger_chunks_than_a_farm_of_that_size_would_leave_it(self) -> None:
        capped = job(max_replicas=1, uncarved=8, frame_seconds=0.1)
        assert frames_of(plan([replica(n) for n in range(8)], [capped]), capped) == 8

    def test_the_backlog_asks_for_no_more_than_the_cap(self) -> None:
        made = plan([replica(1)], [job(max_replicas=3, uncarved=1000, frame_seconds=9.0)])
        assert made.backlog == {"default": 3}


class TestLicences:
    def test_no_more_chunks_run_than_there_are_licences_staged_ones_counted(self) -> None:
        first, second = (job(licences={"nuke": 2}, created_order=n) for n in range(2))
        made = plan([replica(n) for n in range(8)], [first, second], licences={"nuke": 5})
        assert chunks_of(made, first) + chunks_of(made, second) == 2
        assert made.waits == {first.id: WaitReason.LICENCE, second.id: WaitReason.LICENCE}

    def test_a_paused_job_holds_the_licences_of_what_it_still_renders(self) -> None:
        paused = job(stopped=True, licences={"nuke": 1}, active_chunks=1)
        waiting = job(licences={"nuke": 1})
        made = plan([replica(1), replica(2)], [paused, waiting], licences={"nuke": 1})
        assert not made.placements
        assert made.waits == {waiting.id: WaitReason.LICENCE}

    def test_a_chunk_that_moves_to_an_idle_replica_keeps_its_licence(self) -> None:
        holder, waiting = job(licences={"nuke": 1}, uncarved=0, active_chunks=2), job(licences={"nuke": 1})
        busy = replica(1, busy_chunks=1, staged=(StagedChunk(work_id=7, job_id=holder.id),))
        made = plan([busy, replica(2)], [holder, waiting], licences={"nuke": 2})
        assert [placement.job_id for placement in made.placements] == [holder.id]
        assert made.waits == {waiting.id: WaitReason.LICENCE}

    def test_a_licence_that_nobody_has_entered_is_waited_for(self) -> None:
        wanted = job(licences={"typo": 1})
        assert plan([replica(1)], [wanted]).waits == {wanted.id: WaitReason.LICENCE}

    def test_a_job_that_waits_for_a_licence_holds_nobody_up_and_asks_for_no_replica(self) -> None:
        wanting, other = job(licences={"nuke": 1}), job(created_order=9, uncarved=1)
        made = plan([replica(1)], [wanting, other])
        assert chunks_of(made, other) == 1
        assert made.backlog == {"default": 1}


class TestBlockedNodes:
    def test_a_job_never_goes_back_to_a_node_that_failed_it_too_often(self) -> None:
        blocked = job(blocked_nodes=frozenset({"n1"}))
        made = plan([replica(1), replica(2)], [blocked])
        assert {placement.replica_id for placement in made.placements} == {UUID(int=2)}

    def test_a_farm_of_one_machine_still_retries_there(self) -> None:
        blocked = job(blocked_nodes=frozenset({"n1"}))
        assert plan([replica(1)], [blocked]).placements

    def test_with_every_fitting_node_blocked_it_waits_and_says_so(self) -> None:
        blocked = job(blocked_nodes=frozenset({"n1", "n2"}))
        made = plan([replica(1), replica(2)], [blocked])
        assert not made.placements
        assert made.waits == {blocked.id: WaitReason.BLOCKED_NODES}

    def test_nodes_that_are_busy_count_as_nodes_that_fit(self) -> None:
        crowd = CrowdView(pool="default", replicas=1, nodes=frozenset({"n2"}), engines={"fake": "1"})
        made = plan([replica(1)], [blocked := job(blocked_nodes=frozenset({"n1"}))], crowds=(crowd,))
        assert not made.placements
        assert made.waits == {blocked.id: WaitReason.NO_CAPACITY}

    def test_an_interactive_frame_does_not_push_in_on_a_blocked_node(self) -> None:
        normal = job(uncarved=0, active_chunks=4)
        urgent = job(priority=PriorityClass.INTERACTIVE, uncarved=1, blocked_nodes=frozenset({"n1"}))
        busy = [replica(n, busy_chunks=1, staged=(StagedChunk(work_id=n, job_id=normal.id),)) for n in (1, 2)]
        assert [back.work_id for back in plan(busy, [normal, urgent]).take_backs] == [2]

    def test_a_tick_makes_no_more_chunks_give_way_than_it_may(self) -> None:
        normal = job(uncarved=0, active_chunks=8)
        urgent = job(priority=PriorityClass.INTERACTIVE, uncarved=4)
        busy = [replica(n, busy_chunks=1, staged=(StagedChunk(work_id=n, job_id=normal.id),)) for n in range(1, 5)]
        made = plan(busy, [normal, urgent], PlanSettings(preemptions_per_tick=3))
        assert len(made.take_backs) == 3
        assert chunks_of(made, urgent) == 3


class TestWaits:
    def test_numeric_labels_decide_what_fits(self) -> None:
        big, small = replica(1, labels={"gpu_memory_gib": "80"}), replica(2, labels={"gpu_memory_gib": "16"})
        wanting = job(labels={"gpu_memory_gib": ">=24"})
        assert {placement.replica_id for placement in plan([big, small], [wanting]).placements} == {big.id}
        assert plan([small], [wanting]).waits == {wanting.id: WaitReason.NO_REPLICA_FITS}

    def test_a_job_pinned_to_a_version_that_is_gone_is_told_apart_from_one_that_fits_nothing(self) -> None:
        pinned, odd = job(engine_version="0"), job(pipeline="other")
        assert plan([replica(1)], [pinned, odd]).waits == {
            pinned.id: WaitReason.ENGINE_VERSION,
            odd.id: WaitReason.NO_REPLICA_FITS,
        }

    def test_a_project_that_has_had_more_than_others_is_told_that_they_come_first(self) -> None:
        greedy, owed = job(), job()
        full = replica(1, busy_chunks=1, staged=(StagedChunk(work_id=1, job_id=uuid4()),))
        made = plan([full], [greedy, owed], projects=(ProjectView(id=greedy.project_id, charged_s=1e6),))
        assert made.waits == {greedy.id: WaitReason.SHARE, owed.id: WaitReason.NO_CAPACITY}

    def test_a_tick_that_is_cut_short_tells_nobody_that_served_jobs_wait(self) -> None:
        served, not_reached = job(), job(created_order=9)
        made = plan([replica(n) for n in range(4)], [served, not_reached], PlanSettings(placements_per_tick=1))
        assert chunks_of(made, served) == 1
        assert list(made.waits) == [not_reached.id]

    def test_a_replica_that_is_full_still_counts_as_one_that_fits(self) -> None:
        crowd = CrowdView(pool="default", replicas=7, engines={"fake": "1"})
        waiting = job()
        assert plan([], [waiting], crowds=(crowd,)).waits == {waiting.id: WaitReason.NO_CAPACITY}
        assert plan([], [waiting]).waits == {waiting.id: WaitReason.STARTING_REPLICA}


class TestBacklog:
    def test_work_that_fits_no_replica_of_a_pool_does_not_make_the_pool_grow(self) -> None:
        assert plan([replica(1)], [job(labels={"gpu": "h100"})]).backlog == {"default": 0}

    def test_it_counts_for_a_pool_that_has_no_replica_yet(self) -> None:
        made = plan(
            [replica(1)], [job(labels={"gpu": "h100"}, uncarved=2, frame_seconds=9.0)], pools=("default", "gpu")
        )
        assert made.backlog == {"default": 0, "gpu": 2}

    def test_what_a_paused_job_still_renders_keeps_its_slot(self) -> None:
        assert plan([replica(1)], [job(stopped=True, active_chunks=1)]).backlog == {"default": 1}


class TestResidency:
    def test_a_job_whose_model_the_free_replica_holds_may_pass_one_that_would_have_to_load(self) -> None:
        first, warm = job(model_digest="cold"), job(model_digest="m", created_order=1)
        made = plan([replica(1, residents=frozenset({"m"}))], [first, warm])
        assert made.placements[0].job_id == warm.id

    def test_nobody_waits_longer_than_the_limit_for_a_warm_replica(self) -> None:
        first = job(model_digest="cold", waited_s=SETTINGS.residency_wait.total_seconds())
        warm = job(model_digest="m", created_order=1)
        made = plan([replica(1, residents=frozenset({"m"}))], [first, warm])
        assert made.placements[0].job_id == first.id

    def test_a_project_far_ahead_of_its_share_does_not_pass_because_it_is_warm(self) -> None:
        first, warm = job(model_digest="cold"), job(model_digest="m")
        ahead = SETTINGS.residency_window.total_seconds() * 2
        made = plan(
            [replica(1, residents=frozenset({"m"}))],
            [first, warm],
            projects=(ProjectView(id=warm.project_id, charged_s=ahead),),
        )
        assert made.placements[0].job_id == first.id

    def test_a_job_of_a_lower_class_never_passes(self) -> None:
        first = job(model_digest="cold", priority=PriorityClass.INTERACTIVE, uncarved=1)
        warm = job(model_digest="m")
        made = plan([replica(1, residents=frozenset({"m"}))], [first, warm])
        assert made.placements[0].job_id == first.id

    def test_one_more_chunk_waits_for_the_busy_replica_that_holds_the_model_and_the_rest_spreads(self) -> None:
        work = job(uncarved=3, frame_seconds=0.9, active_chunks=1, active_frames=1)
        busy = replica(1, residents=frozenset({"m"}), busy_chunks=1, busy_job=work.id, busy_frames=1)
        one = plan([busy, replica(2)], [work._replace(uncarved=1)])
        assert [placement.replica_id for placement in one.placements] == [busy.id]
        hot = plan([busy, replica(2)], [work], PlanSettings(chunk_target="PT1S"))
        assert {placement.replica_id for placement in hot.placements} == {busy.id, UUID(int=2)}

    def test_a_chunk_does_not_wait_behind_a_long_frame_for_its_model(self) -> None:
        work = job(uncarved=1, frame_seconds=60.0, active_chunks=1, active_frames=1)
        busy = replica(1, residents=frozenset({"m"}), busy_chunks=1, busy_job=work.id, busy_frames=1)
        assert [placement.replica_id for placement in plan([busy, replica(2)], [work]).placements] == [UUID(int=2)]

    def test_a_staged_chunk_that_waited_for_too_long_moves_to_an_idle_replica(self) -> None:
        work = job(uncarved=0, frame_seconds=0.5, active_chunks=2, active_frames=2)
        for waited_s, moves in ((0.0, False), (SETTINGS.residency_wait.total_seconds(), True)):
            staged = (StagedChunk(work_id=7, job_id=work.id, waited_s=waited_s),)
            busy = replica(1, residents=frozenset({"m"}), busy_chunks=1, busy_job=work.id, busy_frames=1, staged=staged)
            made = plan([busy, replica(2)], [work])
            assert bool(made.take_backs) is moves
            assert bool(made.placements) is moves


class TestRetries:
    def test_a_retry_goes_where_it_has_not_failed_even_if_that_is_cold(self) -> None:
        failed_on = replica(1, residents=frozenset({"m"}))
        retry = job(uncarved=0, loose=(LooseChunk(work_id=5, frames=1, avoid=frozenset({failed_on.id})),))
        made = plan([failed_on, replica(2)], [retry])
        assert made.placements == (Assign(replica_id=UUID(int=2), job_id=retry.id, work_id=5),)


class TestMachinesWithGpus:
    def test_a_gpu_machine_takes_work_that_asks_for_none_rather_than_idle(self) -> None:
        """OpenCue: a host with GPUs refused the frames of the others, and stood idle beside a full queue."""
        plain = job()
        gpu = replica(1, labels={"gpu": "l4", "gpu_memory_gib": "24"})
        assert chunks_of(plan([gpu], [plain]), plain) > 0

    def test_work_that_needs_a_gpu_never_starts_where_there_is_none(self) -> None:
        """Deadline Cloud, AYON: a GPU scene rendered on the processor, and nobody was told."""
        needs = job(labels={"gpu": "l4"})
        made = plan([replica(1)], [needs])
        assert (made.placements, made.waits[needs.id]) == ((), WaitReason.NO_REPLICA_FITS)
        pinned = job(device_class="cuda:8.9", engine_version="1")
        assert plan([replica(1, device_class="cpu")], [pinned]).placements == ()

    def test_a_job_may_name_the_very_gpu_that_renders_it(self) -> None:
        """Flamenco's answer to that question is: not really."""
        cards = [replica(number, node="box", labels={"gpu_index": str(number)}) for number in (1, 2)]
        wants = job(labels={"gpu_index": "2"})
        assert {placement.replica_id for placement in plan(cards, [wants]).placements} == {cards[1].id}
