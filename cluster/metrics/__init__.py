"""Prometheus metrics of the farm: what there is (``catalogue``), who tells it (``ports``), and Ray, which serves it."""
