"""The product's API in a process of its own, without Ray: ``python -m loadtests.noop.api PORT``."""

from __future__ import annotations

import sys

import uvicorn

from cluster.logs import configure_logging
from serve_app.app import build_app


def main(port: int) -> None:
    """Until SIGTERM."""
    configure_logging(30)
    uvicorn.run(build_app(), host="127.0.0.1", port=port, log_config=None, access_log=False)


if __name__ == "__main__":
    main(int(sys.argv[1]))
