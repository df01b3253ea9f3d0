"""An engine is replaced after its frames, or when it has grown; by default never."""

from __future__ import annotations

from cluster.wear import Wear


def test_by_default_an_engine_is_never_worn() -> None:
    wear = Wear(memory_bytes=iter(range(0, 10**12, 10**9)).__next__)
    for _ in range(1000):
        wear.asked()
        wear.delivered()
    assert not wear.worn


def test_it_is_worn_once_it_was_asked_for_its_last_frame() -> None:
    wear = Wear(recycle_frames=2)
    wear.asked()
    assert not wear.worn
    wear.asked()
    assert wear.worn


def test_growth_counts_from_its_first_frame_and_not_from_its_load() -> None:
    held = iter([500, 580, 601])
    wear = Wear(recycle_growth_bytes=100, memory_bytes=held.__next__)
    found = []
    for _ in range(3):
        wear.delivered()
        found.append(wear.worn)
    assert found == [False, False, True]
