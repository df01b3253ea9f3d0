"""The yardstick: a route that does nothing, on FastAPI and uvicorn as they come: ``python -m loadtests.plain PORT``."""

from __future__ import annotations

import sys

import uvicorn
from fastapi import FastAPI

app = FastAPI(openapi_url=None)


@app.get("/")
async def read_nothing() -> dict[str, str]:
    """What a server costs that does nothing."""
    return {"status": "ok"}


def main(port: int) -> None:
    """Until SIGTERM."""
    uvicorn.run(app, host="127.0.0.1", port=port, log_config=None, access_log=False)


if __name__ == "__main__":
    main(int(sys.argv[1]))
