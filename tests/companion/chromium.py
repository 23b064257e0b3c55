"""Headless Chromium driven over its DevTools protocol: open a page and ask it questions."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Self
from urllib.request import urlopen

import pytest
import websocket

FLAGS = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-sync"
FLAGS += " --disable-component-update --disable-dev-shm-usage --remote-debugging-port=0"

# To ask a page: contrasts of texts and marks; every figure's picture, and how many of these have no words.
CONTRAST = Path(__file__).with_name("contrast.js").read_text(encoding="utf-8")
OPEN_ALL = "document.querySelectorAll('details').forEach((e) => { e.open = true })"
DRAWN = "[...document.querySelectorAll('figure svg[role=img], figure img')]"
UNNAMED = f"{DRAWN}.filter((e) => !(e.getAttribute('alt') || e.getAttribute('aria-label'))).length"


class Browser:
    """One tab of a headless Chromium with a profile of its own; use as a context manager. Without one: skipped.

    ``messages`` (of the console and the log) and ``requests`` (less the page itself and ``data:``) since ``open``.
    """

    def __init__(self) -> None:
        path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        if path is None:
            (pytest.fail if os.environ.get("CI") else pytest.skip)("Chromium is not on PATH")
        self.profile = tempfile.mkdtemp(prefix="chromium-")
        command = [path, *FLAGS.split(), f"--user-data-dir={self.profile}", "about:blank"]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        self.messages: list[str] = []
        self.requests: list[str] = []
        self._number = 0
        self._page = ""
        ports = (re.search(r"ws://127\.0\.0\.1:(\d+)/", line) for line in self.process.stderr or ())
        port = next(found[1] for found in ports if found)
        with urlopen(f"http://127.0.0.1:{port}/json/list", timeout=20) as answer:
            tab = next(target for target in json.load(answer) if target["type"] == "page")
        address = tab["webSocketDebuggerUrl"]
        self._socket = websocket.create_connection(address, timeout=30, suppress_origin=True)
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        with contextlib.suppress(Exception):
            self.call("Browser.close")
        self._socket.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        self.process.kill()
        self.process.communicate()
        shutil.rmtree(self.profile, ignore_errors=True)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a DevTools command and wait for its answer; events on the way are noted."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv())
            if message.get("id") == self._number:
                assert "error" not in message, f"{method}: {message}"
                return message["result"]
            self._note(message.get("method", ""), message.get("params", {}))

    def _note(self, event: str, what: dict[str, Any]) -> None:
        kind = what.get("type") or what.get("entry", {}).get("level")
        if event == "Runtime.exceptionThrown" or kind in {"error", "warning", "assert"}:
            self.messages.append(json.dumps(what))
        elif event == "Network.requestWillBeSent":
            address = what["request"]["url"]
            if address != self._page and not address.startswith("data:"):
                self.requests.append(address)

    def open(self, path: Path, width: int = 1280, scheme: str = "light") -> None:
        """Load a file at a width in pixels and a ``prefers-color-scheme``, and wait until it is complete."""
        self.size(width)
        theme = {"name": "prefers-color-scheme", "value": scheme}
        self.call("Emulation.setEmulatedMedia", features=[theme])
        self.messages.clear()
        self.requests.clear()
        self._page = path.resolve().as_uri()
        self.call("Page.navigate", url=self._page)
        deadline = time.monotonic() + 20
        while not self.ask("location.href !== 'about:blank' && document.readyState === 'complete'"):
            assert time.monotonic() < deadline, f"{path.name}: not loaded after 20 s"
            time.sleep(0.02)

    def size(self, width: int) -> None:
        """Set the viewport, in CSS pixels."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", **size)

    def ask(self, expression: str) -> Any:
        """Value of a JavaScript expression."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, f"{expression}: {answer}"
        return answer["result"].get("value")
