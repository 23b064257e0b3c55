"""Headless Chromium driven over its DevTools protocol: open a page, ask it questions, take pictures."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.request import urlopen

import pytest
import websocket

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--remote-debugging-port=0",
)


def required() -> str:
    """Path of Chromium; without one the test is skipped, but fails where ``CI`` is set."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium is not on PATH; the browser tests need it")
        pytest.skip("Chromium is not on PATH")
    return path


class Browser:
    """One tab of a headless Chromium with a profile of its own; use as a context manager.

    Attributes:
        messages: console errors and warnings, exceptions, log entries since ``open``.
        requests: addresses requested since ``open``, the page's own file aside and ``data:`` ones left out.
    """

    def __init__(self) -> None:
        self.profile = tempfile.mkdtemp(prefix="chromium-")
        command = [required(), *FLAGS, f"--user-data-dir={self.profile}", "about:blank"]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        self.messages: list[str] = []
        self.requests: list[str] = []
        self._number = 0
        self._page = ""
        with urlopen(f"http://127.0.0.1:{self._port()}/json/list", timeout=20) as answer:
            tab = next(target for target in json.load(answer) if target["type"] == "page")
        self._socket = websocket.create_connection(
            tab["webSocketDebuggerUrl"], timeout=30, suppress_origin=True, enable_multithread=False
        )
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def _port(self) -> int:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if found := re.search(r"ws://127\.0\.0\.1:(\d+)/", line):
                return int(found[1])
        raise RuntimeError("Chromium ended before it said where it listens")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(Exception):
            self.call("Browser.close")
        self._socket.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
        if self.process.stderr:
            self.process.stderr.close()
        shutil.rmtree(self.profile, ignore_errors=True)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a DevTools command and wait for its answer; events on the way are noted."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv())
            if message.get("id") == self._number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]
            self._note(message.get("method", ""), message.get("params", {}))

    def _note(self, event: str, what: dict[str, Any]) -> None:
        if event == "Runtime.exceptionThrown":
            self.messages.append(json.dumps(what["exceptionDetails"]))
        elif event == "Runtime.consoleAPICalled" and what["type"] in {"error", "warning", "assert"}:
            self.messages.append(json.dumps(what["args"]))
        elif event == "Log.entryAdded" and what["entry"]["level"] in {"error", "warning"}:
            self.messages.append(json.dumps(what["entry"]))
        elif event == "Network.requestWillBeSent":
            address = what["request"]["url"]
            if address != self._page and not address.startswith("data:"):
                self.requests.append(address)

    def open(self, path: Path, width: int = 1280, height: int = 900) -> None:
        """Load a file and wait until it is complete."""
        self.size(width, height)
        self.messages.clear()
        self.requests.clear()
        self._page = path.resolve().as_uri()
        self.call("Page.navigate", url=self._page)
        deadline = time.monotonic() + 20
        ready = "location.href !== 'about:blank' && document.readyState === 'complete'"
        while not self.ask(ready):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{path.name}: not loaded after 20 s")
            time.sleep(0.02)

    def size(self, width: int, height: int = 900) -> None:
        """Set the viewport, in CSS pixels."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )

    def scheme(self, name: str) -> None:
        """Emulate ``prefers-color-scheme``: light or dark."""
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def ask(self, expression: str) -> Any:
        """Value of a JavaScript expression."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def picture(self, path: Path, full: bool = True) -> Path:
        """Save a PNG of the whole page, or of the viewport."""
        answer = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=full)
        path.write_bytes(b64decode(answer["data"]))
        return path


@contextlib.contextmanager
def opened(path: Path, width: int = 1280) -> Iterator[Browser]:
    """A browser with one page loaded."""
    with Browser() as browser:
        browser.open(path, width)
        yield browser
