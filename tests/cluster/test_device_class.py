"""What a replica says that it renders on is what its engines find there."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.device_class import device_class_here, found_class, labels_here
from jobs.errors import InvalidInput

H100, L4 = "NVIDIA H100 80GB HBM3", "NVIDIA L4"


def machine(root: Path, *models: str, given: bool = True) -> Path:
    """A machine as its kernel shows it; ``given``: its cards were passed to this container."""
    for number, model in enumerate(models):
        card = root / "proc/driver/nvidia/gpus" / f"0000:{number:02x}:00.0"
        card.mkdir(parents=True)
        (card / "information").write_text(f"Model: \t\t {model}\nIRQ:   \t\t 48\nGPU UUID: \t GPU-1\n")
    if given and models:
        (root / "dev").mkdir()
        (root / "dev/nvidiactl").touch()
    return root


def test_a_machine_without_cards_renders_on_its_cpu(tmp_path: Path) -> None:
    assert found_class(system=tmp_path, environment={}) == "cpu"


def test_cards_that_the_container_was_not_given_do_not_count(tmp_path: Path) -> None:
    assert found_class(system=machine(tmp_path, H100, given=False), environment={}) == "cpu"


@pytest.mark.parametrize(
    ("models", "said"),
    [
        ((H100,), "cuda:nvidia-h100-80gb-hbm3"),
        ((H100, H100), "cuda:nvidia-h100-80gb-hbm3"),
        ((L4, H100), "cuda:nvidia-h100-80gb-hbm3+nvidia-l4"),
    ],
)
def test_the_class_names_the_backend_and_the_cards(tmp_path: Path, models: tuple[str, ...], said: str) -> None:
    assert found_class(system=machine(tmp_path, *models), environment={}) == said


@pytest.mark.parametrize(
    ("visible", "said"),
    [
        ("", "cpu"),
        ("-1", "cpu"),
        ("7", "cpu"),
        ("NoDevFiles", "cpu"),
        ("0", "cuda:nvidia-l4"),
        ("GPU-1", "cuda:nvidia-l4"),
    ],
)
def test_cards_that_cuda_hides_do_not_count(tmp_path: Path, visible: str, said: str) -> None:
    assert found_class(system=machine(tmp_path, L4), environment={"CUDA_VISIBLE_DEVICES": visible}) == said


def test_a_name_of_ones_own_is_kept_where_it_does_not_say_the_opposite(tmp_path: Path) -> None:
    there = machine(tmp_path, L4)
    assert device_class_here("studio-l4", system=there, environment={}) == "studio-l4"
    assert device_class_here("cpu", system=there, environment={"CUDA_VISIBLE_DEVICES": ""}) == "cpu"
    assert device_class_here(None, system=there, environment={}) == "cuda:nvidia-l4"


def test_cpu_where_engines_would_use_a_card_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cuda:nvidia-l4") as caught:
        device_class_here("cpu", system=machine(tmp_path, L4), environment={})
    assert "CUDA_VISIBLE_DEVICES" in str(caught.value.remedy)


def test_a_card_that_only_its_owner_can_name_is_believed(tmp_path: Path) -> None:
    (tmp_path / "dev/dri").mkdir(parents=True)
    assert device_class_here("oneapi-arc", system=tmp_path, environment={}) == "oneapi-arc"
    assert device_class_here(None, system=tmp_path, environment={}) == "cpu"


def test_amds_driver_is_known_by_its_file(tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/kfd").touch()
    assert found_class(system=tmp_path, environment={}) == "hip"


def test_a_card_where_there_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no card") as caught:
        device_class_here("cuda:8.9", system=tmp_path, environment={})
    assert "leave the setting out" in str(caught.value.remedy)


@pytest.mark.parametrize(
    ("device_class", "said"), [("cpu", "cpu"), ("cuda:nvidia-l4", "gpu"), ("hip", "gpu"), ("studio-l4", "gpu")]
)
def test_a_worker_has_a_label_that_says_whether_it_has_a_card(device_class: str, said: str) -> None:
    assert labels_here({"gpu": "l4"}, device_class=device_class) == {"gpu": "l4", "device": said}


def test_what_is_there_wins_over_a_label_that_says_otherwise() -> None:
    assert labels_here({"device": "gpu"}, device_class="cpu") == {"device": "cpu"}
