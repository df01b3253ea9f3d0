"""Rolling upgrades: nothing of the old cluster is touched before the new one serves, and no frame is lost after."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from cluster.kube.errors import NotInTime, Outdated
from cluster.kube.farm import HandOver
from cluster.kube.gateway import Kind, KubeGateway
from cluster.kube.upgrading import REASON, upgrade
from jobs.errors import Conflict, InvalidInput
from tests.kube.fake_api.server import Asked, FakeKube, Fault
from tests.kube.fake_api.store import Json
from tests.kube.world import (
    INCREMENTAL,
    NAMESPACE,
    QUICK,
    FakeFarm,
    Operator,
    TickingClock,
    gateway_of,
    ray_pod,
    ray_service,
)

NEW = "rayfarm-renderer:2"


class Rolling:
    """A farm on KubeRay with one busy worker, and what the command tells."""

    def __init__(self, kube: FakeKube, farm: FakeFarm, ticking: TickingClock) -> None:
        self.kube, self.farm, self.ticking = kube, farm, ticking
        self.operator = Operator(kube).start()
        kube.store.create("rayservices", NAMESPACE, ray_service())
        kube.store.create("pods", NAMESPACE, ray_pod("farm-1-spot-a", cluster="farm-1", node="node-a"))
        self.gateway = gateway_of(kube, clock=ticking.clock)
        self.told: list[str] = []

    def upgrade(self, **options: object) -> object:
        given = {"image": NEW, **options}
        return upgrade(self.gateway, self.farm, service="farm", tell=self.told.append, **given)  # type: ignore[arg-type]

    def never_gets_ready(self, **options: object) -> None:
        """An upgrade that ends before its cluster serves."""
        self.operator.never_ready = True
        before, short = self.gateway, QUICK.model_copy(update={"ready_within": QUICK.watch_for})
        self.gateway = gateway_of(self.kube, settings=short)
        with pytest.raises(NotInTime):
            self.upgrade(**options)
        self.gateway = before

    def set_strategy(self, name: str) -> None:
        def make(now: Json) -> Json:
            return {**now, "spec": {**now["spec"], "upgradeStrategy": {"type": name}}}

        self.kube.store.update("rayservices", NAMESPACE, "farm", make)

    def clusters(self) -> list[str]:
        return [each["metadata"]["name"] for each in self.kube.store.all("rayclusters", NAMESPACE)]

    def service(self) -> Json:
        return self.kube.store.read("rayservices", NAMESPACE, "farm")


@pytest.fixture
def rolling(kube: FakeKube, farm: FakeFarm, ticking: TickingClock) -> Rolling:
    return Rolling(kube, farm, ticking)


def test_the_old_cluster_goes_when_its_last_frame_is_done_and_not_before(rolling: Rolling) -> None:
    rolling.farm.machine("farm-1-spot-a", busy_ticks=9)
    with_old: list[float] = []
    rolling.ticking.ticks.append(lambda now: with_old.append(now) if "farm-1" in rolling.clusters() else None)
    done = rolling.upgrade()
    assert done.former == {"farm-1": HandOver(("farm-1-spot-a",), (), ())}
    assert (done.cluster, done.removed, done.is_complete) == ("farm-2", ("farm-1",), True)
    assert rolling.farm.drains == [("farm-1-spot-a", REASON, None)]
    assert len(with_old) == 9  # it was there while the frame rendered
    assert rolling.clusters() == ["farm-2"]


def test_every_ray_container_gets_the_image(rolling: Rolling) -> None:
    rolling.upgrade()
    config = rolling.service()["spec"]["rayClusterConfig"]
    templates = [config["headGroupSpec"], *config["workerGroupSpecs"]]
    assert {each["template"]["spec"]["containers"][0]["image"] for each in templates} == {NEW}


def test_init_containers_and_sidecars_of_the_same_image_get_it_too_and_others_stay(rolling: Rolling) -> None:
    def more(now: Json) -> Json:
        pod = now["spec"]["rayClusterConfig"]["headGroupSpec"]["template"]["spec"]
        pod["initContainers"] = [{"name": "wait-for-schema", "image": "rayfarm-renderer:1"}]
        pod["containers"] += [{"name": "shipper", "image": "logs:7"}]
        return now

    rolling.kube.store.update("rayservices", NAMESPACE, "farm", more)
    rolling.upgrade()
    pod = rolling.service()["spec"]["rayClusterConfig"]["headGroupSpec"]["template"]["spec"]
    assert [each["image"] for each in pod["initContainers"] + pod["containers"]] == [NEW, NEW, "logs:7"]


def test_one_image_for_groups_that_have_two_is_refused(rolling: Rolling) -> None:
    def two(now: Json) -> Json:
        group = now["spec"]["rayClusterConfig"]["workerGroupSpecs"][1]
        group["template"]["spec"]["containers"][0]["image"] = "rayfarm-api:1"
        return now

    rolling.kube.store.update("rayservices", NAMESPACE, "farm", two)
    with pytest.raises(InvalidInput, match="rayfarm-api:1, rayfarm-renderer:1") as told:
        rolling.upgrade()
    assert "--file" in str(told.value.remedy)


def test_kuberay_is_told_to_keep_the_old_cluster_longer_than_the_hand_over_may_take(rolling: Rolling) -> None:
    rolling.upgrade()
    delay = timedelta(seconds=rolling.service()["spec"]["rayClusterDeletionDelaySeconds"])
    assert delay > QUICK.hand_over_within + QUICK.give_back


def test_frames_that_are_not_done_at_the_deadline_are_given_back(rolling: Rolling) -> None:
    rolling.farm.machine("farm-1-spot-a", busy_ticks=None)
    done = rolling.upgrade()
    assert done.former["farm-1"] == HandOver(("farm-1-spot-a",), ("farm-1-spot-a",), ())
    assert [within for _, _, within in rolling.farm.drains] == [None, QUICK.give_back.total_seconds()]
    assert rolling.ticking.now_s >= QUICK.hand_over_within.total_seconds()
    assert done.removed == ("farm-1",)


def test_a_cluster_that_keeps_its_frames_against_every_word_is_not_deleted(rolling: Rolling) -> None:
    rolling.farm.machine("farm-1-spot-a", busy_ticks=None)
    rolling.farm.stubborn = True
    done = rolling.upgrade()
    assert (done.is_complete, done.removed) == (False, ())
    assert done.former["farm-1"].still_busy == ("farm-1-spot-a",)
    assert rolling.clusters() == ["farm-1", "farm-2"]


def test_a_new_cluster_that_never_gets_ready_leaves_the_old_one_at_work(rolling: Rolling) -> None:
    rolling.farm.machine("farm-1-spot-a", busy_ticks=None)
    rolling.operator.never_ready = True
    rolling.gateway = gateway_of(rolling.kube, settings=QUICK.model_copy(update={"ready_within": QUICK.watch_for}))
    with pytest.raises(NotInTime, match="farm-1 still serves; no work moved") as told:
        rolling.upgrade()
    assert "UpgradeInProgress" not in str(told.value)
    assert rolling.farm.drains == []
    assert "rayfarm cluster upgrade" in str(told.value.remedy)


def test_an_upgrade_that_was_interrupted_goes_on_when_it_is_given_again(rolling: Rolling) -> None:
    rolling.farm.machine("farm-1-spot-a", busy_ticks=None)
    rolling.farm.stubborn = True
    rolling.upgrade()
    rolling.farm.stubborn = False
    again = rolling.upgrade()
    assert (again.removed, again.is_complete) == (("farm-1",), True)
    assert rolling.service()["metadata"]["generation"] == 2
    with pytest.raises(Conflict, match="like that already"):
        rolling.upgrade()


def test_workers_of_the_new_cluster_on_the_same_machine_go_on(rolling: Rolling) -> None:
    """Machines named by node: a drain of the machine would stop both."""
    rolling.farm.machine("node-a", cluster="farm-1", busy_ticks=3)
    rolling.farm.machine("node-a", cluster="farm-2", busy_ticks=None)
    rolling.farm.respawn = False
    done = rolling.upgrade()
    assert [worker for worker, _, _ in rolling.farm.drains] == ["node-a@farm-1"]
    assert done.removed == ("farm-1",)


def test_a_cluster_is_kept_when_nobody_can_tell_whose_replicas_render_on_its_machines(rolling: Rolling) -> None:
    """One RAYFARM_CLUSTER_ID for old and new, and machines named by node."""
    rolling.farm.machine("node-a", cluster="farm", busy_ticks=None)
    done = rolling.upgrade()
    assert (done.is_complete, done.removed, rolling.farm.drains) == (False, (), [])
    assert rolling.clusters() == ["farm-1", "farm-2"]


def test_a_replica_that_serve_starts_again_in_the_old_cluster_is_drained_too(rolling: Rolling) -> None:
    rolling.farm.machine("node-a", cluster="farm-1", busy_ticks=2)
    rolling.farm.machine("node-a", cluster="farm-2", busy_ticks=None)
    rolling.ticking.ticks.append(lambda now: setattr(rolling.farm, "respawn", now < 10))
    rolling.upgrade()
    assert [worker for worker, _, _ in rolling.farm.drains][:2] == ["node-a@farm-1", "node-a@farm-1+"]


def test_a_change_of_bounds_alone_moves_no_work_and_says_what_brings_them_to_the_cluster(rolling: Rolling) -> None:
    spec = rolling.service()["spec"]
    spec["rayClusterConfig"]["workerGroupSpecs"][1]["maxReplicas"] = 30
    done = rolling.upgrade(image=None, spec=spec)
    assert (done.cluster, done.former) == ("farm-1", {})
    assert rolling.farm.drains == []
    assert "rayfarm cluster scale spot --min 0 --max 30" in rolling.told[-1]


def tolerated(config: Json) -> None:
    config["headGroupSpec"]["template"]["spec"]["tolerations"] = [{"key": "gpu", "operator": "Exists"}]


def with_victims(config: Json) -> None:
    config["workerGroupSpecs"][1]["scaleStrategy"] = {"workersToDelete": ["farm-1-spot-a"]}


def with_a_strategy(config: Json) -> None:
    config["upgradeStrategy"] = {"type": "Recreate"}


def with_another_group(config: Json) -> None:
    config["workerGroupSpecs"].append({**config["workerGroupSpecs"][0], "groupName": "more"})


@pytest.mark.parametrize("change", [tolerated, with_victims, with_a_strategy, with_another_group])
def test_what_makes_no_new_cluster_is_not_waited_for(rolling: Rolling, change: Callable[[Json], None]) -> None:
    spec = rolling.service()["spec"]
    change(spec["rayClusterConfig"])
    done = rolling.upgrade(image=None, spec=spec)
    assert (done.cluster, done.former, rolling.clusters()) == ("farm-1", {}, ["farm-1"])


def test_another_idle_time_of_a_group_makes_a_new_cluster_and_the_old_ones_work_is_taken(rolling: Rolling) -> None:
    spec = rolling.service()["spec"]
    spec["rayClusterConfig"]["workerGroupSpecs"][1]["idleTimeoutSeconds"] = 300
    assert rolling.upgrade(image=None, spec=spec).removed == ("farm-1",)


def manifest(image: str = NEW, *, delay_s: int = 60) -> Json:
    """As a file says it: no defaults of the CRD, quantities as people write them, and a delay that is too short."""
    spec = ray_service(image=image, rayClusterDeletionDelaySeconds=delay_s)["spec"]
    container = spec["rayClusterConfig"]["headGroupSpec"]["template"]["spec"]["containers"][0]
    container |= {"ports": [{"containerPort": 8000}], "resources": {"limits": {"cpu": "1000m"}}}
    return dict(spec)


def test_a_file_that_is_given_again_has_nothing_to_upgrade(rolling: Rolling) -> None:
    rolling.upgrade(image=None, spec=manifest())
    stored = rolling.service()
    head = stored["spec"]["rayClusterConfig"]["headGroupSpec"]["template"]["spec"]["containers"][0]
    assert head["ports"][0]["protocol"] == "TCP"  # by the CRD's default
    with pytest.raises(Conflict, match="like that already"):
        rolling.upgrade(image=None, spec=manifest())
    assert rolling.service()["metadata"]["generation"] == stored["metadata"]["generation"]


def test_a_field_that_a_file_has_no_more_is_a_change(rolling: Rolling) -> None:
    rolling.upgrade(image=None, spec=manifest())
    spec = manifest()
    del spec["rayClusterConfig"]["headGroupSpec"]["template"]["spec"]["containers"][0]["ports"]
    assert rolling.upgrade(image=None, spec=spec).cluster == "farm-3"


def test_a_file_that_is_given_again_while_its_cluster_is_prepared_is_followed(rolling: Rolling) -> None:
    rolling.never_gets_ready(image=None, spec=manifest())
    rolling.operator.never_ready = False
    rolling.kube.on_call = lambda asked: rolling.operator.work("farm") if asked.verb == "watch" else None
    assert rolling.upgrade(image=None, spec=manifest()).removed == ("farm-1",)
    assert rolling.told[1:3] == [
        "farm-2 is being prepared; farm-1 serves",
        "farm has this change already; following it",
    ]


@pytest.mark.parametrize("strategy", [INCREMENTAL, "NewCluster"])
def test_the_way_back_from_a_cluster_that_never_gets_ready_is_the_former_image(rolling: Rolling, strategy: str) -> None:
    """KubeRay goes back to the cluster that serves, or (NewCluster) makes a third that is like it."""
    rolling.farm.machine("farm-1-spot-a", busy_ticks=None)
    rolling.set_strategy(strategy)
    rolling.never_gets_ready()
    rolling.operator.never_ready = False
    rolling.farm.machines.clear()
    done = rolling.upgrade(image="rayfarm-renderer:1")
    serves, gone = {INCREMENTAL: ("farm-1", {"farm-2"}), "NewCluster": ("farm-3", {"farm-1", "farm-2"})}[strategy]
    assert (done.cluster, set(done.removed), rolling.clusters()) == (serves, gone, [serves])
    assert "farm goes back to what farm-1 runs; farm-2 is given up" in rolling.told


def test_the_way_back_by_the_former_file(rolling: Rolling) -> None:
    rolling.set_strategy(INCREMENTAL)
    rolling.upgrade(image=None, spec=manifest())
    rolling.never_gets_ready(image=None, spec=manifest("rayfarm-renderer:3"))
    rolling.operator.never_ready = False
    assert rolling.upgrade(image=None, spec=manifest()).cluster == "farm-2"


def test_a_second_upgrade_does_not_cut_into_the_first(rolling: Rolling) -> None:
    rolling.never_gets_ready()
    with pytest.raises(Conflict, match="being changed already"):
        rolling.upgrade(image="rayfarm-renderer:3")


@pytest.mark.parametrize("while_tried", [True, False])
def test_somebody_elses_change_in_between_stops_it_before_anything_is_done(rolling: Rolling, while_tried: bool) -> None:
    def on_call(asked: Asked) -> None:
        if asked.verb == "patch" and ("dryRun" in asked.address) is while_tried:
            rolling.kube.on_call = lambda _: None
            rolling.kube.store.update(
                "rayservices",
                NAMESPACE,
                "farm",
                lambda now: {**now, "spec": {**now["spec"], "serveConfigV2": "x: 1\n"}},
            )

    rolling.kube.on_call = on_call
    with pytest.raises(Outdated, match="nothing was changed here"):
        rolling.upgrade()
    assert rolling.clusters() == ["farm-1"]


def test_a_patch_whose_answer_was_lost_is_followed_like_any_other(rolling: Rolling) -> None:
    rolling.kube.faults.append(Fault("PATCH", r"rayservices/farm(?!.*dryRun)", done=True))
    assert rolling.upgrade().removed == ("farm-1",)
    assert rolling.service()["metadata"]["generation"] == 2


def test_a_service_that_kuberay_must_not_upgrade_is_refused(rolling: Rolling) -> None:
    rolling.set_strategy("None")
    with pytest.raises(Conflict, match="strategy None"):
        rolling.upgrade()


def test_the_watch_may_expire_while_the_new_cluster_gets_ready(rolling: Rolling, gateway: KubeGateway) -> None:
    rolling.gateway = gateway
    rolling.kube.faults.append(Fault("GET", "rayservices.*watch=", status=410, times=2))
    rolling.operator.is_lazy = True

    def on_call(asked: Asked) -> None:
        if asked.verb == "watch" and rolling.kube.calls("watch", "rayservices") >= 1:
            rolling.operator.work("farm")

    rolling.kube.on_call = on_call
    assert gateway.get(Kind.SERVICE, "farm")
    assert rolling.upgrade().cluster == "farm-2"
