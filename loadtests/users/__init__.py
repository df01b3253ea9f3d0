"""People and programs that use a farm, one file for each journey; ``locust -f loadtests/users/locustfile.py``."""
