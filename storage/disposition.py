"""The Content-Disposition header of a download: any file name in, no header injection out."""

from __future__ import annotations

import re
from urllib.parse import quote


def content_disposition(filename: str) -> str:
    """Build ``attachment`` with an ASCII name for old clients and the true one by RFC 6266.

    Always an attachment: an output that is HTML or SVG must not run in the API's origin. Images and videos are
    shown by ``<img>`` and ``<video>`` all the same.
    """
    name = re.sub(r"[\x00-\x1f\x7f/\\]+", "_", filename).strip() or "file"
    name = name.encode("utf-8", "replace").decode()
    plain = re.sub(r'[^ -~]|["%;]', "_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
