"""What a page of the web app may load, run and talk to (Content Security Policy level 3)."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterable
from html.parser import HTMLParser


def policy_of(script_hashes: Iterable[str], *, origins: Iterable[str]) -> str:
    """``origins``: where links to files lead, beside the address of the page itself.

    Styles may stand in a page: the component kit sets them as attributes. WebAssembly may be compiled: viewers of
    splats and meshes are written in it, and it opens no way to run text as a script.
    """
    scripts = " ".join(["'self'", "'wasm-unsafe-eval'", *(f"'{each}'" for each in script_hashes)])
    files = " ".join(["'self'", "blob:", "data:", *origins])
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {scripts}",
            "style-src 'self' 'unsafe-inline'",
            f"img-src {files}",
            f"media-src {files}",
            f"connect-src {files}",
            "font-src 'self'",
            "worker-src 'self' blob:",
            "manifest-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ]
    )


def hashes_of(page: str) -> tuple[str, ...]:
    """``sha256-…`` of each script whose text stands in the page, once, in their order."""
    reader = _InlineScripts()
    reader.feed(page.replace("\r\n", "\n").replace("\r", "\n"))  # as a browser reads it before it hashes
    reader.close()
    return tuple(dict.fromkeys(f"sha256-{_digest(script)}" for script in reader.scripts))


def _digest(script: str) -> str:
    return b64encode(hashlib.sha256(script.encode()).digest()).decode()


class _InlineScripts(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.scripts: list[str] = []
        self._parts: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "script" and "src" not in dict(attrs):
            self._parts = []

    def handle_data(self, data: str) -> None:
        if self._parts is not None:
            self._parts.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "script" and self._parts is not None:
            self.scripts.append("".join(self._parts))
            self._parts = None
