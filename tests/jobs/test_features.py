"""Who has a feature: everybody by default, nobody, those that are named, or the same share each time."""

from __future__ import annotations

from uuid import UUID

import pytest

from jobs.features import FLAGS, Feature, FlagRule, is_on

PROJECTS = [UUID(int=number) for number in range(1, 2001)]
ONE = PROJECTS[0]


@pytest.mark.parametrize("feature", Feature)
def test_every_feature_is_declared_with_what_it_turns(feature: Feature) -> None:
    assert FLAGS[feature].turns
    assert is_on(feature, None, project_id=ONE) is FLAGS[feature].default


def test_off_is_off_for_everybody() -> None:
    rule = FlagRule(enabled=False, projects=[ONE], percent=100)
    assert not any(is_on(Feature.FRAME_SPLITTING, rule, project_id=each) for each in PROJECTS)


def test_a_named_project_has_it_whatever_the_share_is() -> None:
    rule = FlagRule(enabled=True, projects=[ONE], percent=0)
    assert [each for each in PROJECTS if is_on(Feature.FRAME_SPLITTING, rule, project_id=each)] == [ONE]


def test_who_has_it_keeps_it_while_the_share_grows() -> None:
    had: set[UUID] = set()
    for percent in range(0, 101, 10):
        rule = FlagRule(enabled=True, percent=percent)
        has = {each for each in PROJECTS if is_on(Feature.FRAME_SPLITTING, rule, project_id=each)}
        assert had <= has
        assert abs(len(has) - len(PROJECTS) * percent / 100) < 100
        had = has
    assert had == set(PROJECTS)


def test_not_the_same_projects_have_every_feature_first() -> None:
    rule = FlagRule(enabled=True, percent=20)
    first, second = (
        {each for each in PROJECTS if is_on(feature, rule, project_id=each)}
        for feature in (Feature.FRAME_SPLITTING, Feature.JOB_NOTIFY)
    )
    assert first != second
