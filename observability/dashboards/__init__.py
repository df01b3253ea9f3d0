"""The dashboards, each a page of panels.

Own builders and not `grafana-foundation-sdk`: four kinds of panel are a hundred lines, while the SDK is pinned to one
release of Grafana, lives outside of our environment, and cannot know our metrics. Here a metric that was renamed is an
`AttributeError`, and not an empty panel.
"""

from observability.dashboards.api import API
from observability.dashboards.farm import FARM
from observability.dashboards.machines import MACHINES
from observability.dashboards.planner import PLANNER

DASHBOARDS = (FARM, API, PLANNER, MACHINES)
