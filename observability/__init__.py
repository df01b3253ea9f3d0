"""What watches a farm: rules, alerts and dashboards as data; `python -m observability.write` writes their files."""
