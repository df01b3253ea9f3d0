"""A real S3 server for the tests: SeaweedFS on loopback, in its own folder, stopped by its own pid."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

ACCESS_KEY = "rayfarmtest"
SECRET_KEY = "rayfarm-test-secret"
BUCKET = "rayfarm-test"

_PORTS = (
    "s3.port",
    "s3.port.grpc",
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "admin.port",
    "admin.port.grpc",
)


class SeaweedServer:
    """Start it, use ``url``, stop it."""

    def __init__(self, folder: Path) -> None:
        ports = dict(zip(_PORTS, _free_ports(len(_PORTS)), strict=True))
        self.url = f"http://127.0.0.1:{ports['s3.port']}"
        self._ports = ports
        self._log = folder / "weed.log"
        data = folder / "data"
        data.mkdir(parents=True)
        fixed = (
            "-ip=127.0.0.1 -ip.bind=127.0.0.1 -webdav=false -admin.ui=false -master.telemetry=false "
            "-s3.port.iceberg=0 -s3.port.lance=0 -master.volumeSizeLimitMB=64"
        )
        command = [str(Path(sys.executable).parent / "weed"), "mini", f"-dir={data}", f"-bucket={BUCKET}"]
        command += fixed.split() + [f"-{name}={port}" for name, port in ports.items()]
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(folder),
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        }
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)

    def client(self) -> S3Client:
        return boto3.session.Session().client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            config=Config(connect_timeout=1, read_timeout=10, retries={"total_max_attempts": 1}),
        )

    def wait_until_ready(self, *, seconds: float = 30) -> None:
        """Poll until the bucket, which it makes last, can be seen."""
        deadline = time.monotonic() + seconds
        client = self.client()
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                client.head_bucket(Bucket=BUCKET)
                return
            except (BotoCoreError, ClientError):
                time.sleep(0.05)
        self.stop()
        raise RuntimeError(f"SeaweedFS did not start:\n{self._log.read_text(errors='replace')[-4000:]}")

    def stop(self) -> None:
        self._process.kill()  # its data is thrown away, so nothing needs a gentle end
        self._process.wait(timeout=10)
        for port in self._ports.values():
            for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                left.unlink(missing_ok=True)


def _free_ports(count: int) -> list[int]:
    """Ports that are free now, all different; none so high that a derived one would overflow."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
