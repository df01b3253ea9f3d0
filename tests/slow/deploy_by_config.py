"""The step `deploy` of a farm as KubeRay does it: Serve is told by a configuration file, the first key by db.bootstrap.

``deploy_by_config.py FILE``; the address and the token of the dashboard come from the environment and
the farm's own file.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import yaml
from ray.dashboard.modules.serve.sdk import ServeSubmissionClient

from db import bootstrap

PATIENCE_S = 120


def main() -> int:
    home = Path(os.environ["RAYFARM_HOME"])
    config: dict[str, Any] = yaml.safe_load(Path(sys.argv[1]).read_text())
    config["http_options"] = {"host": "127.0.0.1", "port": int(os.environ["RAYFARM_HTTP_PORT"])}
    for application in config["applications"]:
        for deployment in application.get("deployments", []):
            assert deployment["ray_actor_options"].pop("resources").keys() == {"control_slot"}  # one machine has none
    bootstrap.main([str(home / "admin_key")])
    ports = json.loads((home / "farm.json").read_text())["ports"]
    client = ServeSubmissionClient(f"http://127.0.0.1:{ports['dashboard']}")
    client.deploy_applications(config)
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        states = {name: each["status"] for name, each in client.get_serve_details()["applications"].items()}
        if set(states.values()) == {"RUNNING"} and len(states) == len(config["applications"]):
            return 0
        if "DEPLOY_FAILED" in states.values():
            break
        time.sleep(0.5)
    sys.stderr.write(f"{client.get_serve_details()['applications']}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
