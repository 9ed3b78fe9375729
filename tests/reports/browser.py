"""A real browser for tests: Chromium, headless, driven over its debugging pipe with the standard library."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FLAGS = (
    "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage --remote-debugging-pipe"
).split()

# The browser reads commands on descriptor 3 and answers on 4.
WIRE = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(n), fcntl.F_DUPFD, 10) for n in sys.argv[1:3]]
os.dup2(ends[0], 3)
os.dup2(ends[1], 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


def chromium() -> str | None:
    """The browser's path, or None where there is none."""
    return next(
        (p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), None
    )


class Tab:
    """One page: commands out, answers and events in. events: every event seen so far."""

    def __init__(self, process: subprocess.Popen[bytes], out: int, into: int) -> None:
        self.process, self.out, self.into = process, out, into
        self.number, self.held = 0, b""
        self.events: list[dict[str, Any]] = []
        self.session: str | None = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send one command and wait for its answer."""
        self.number += 1
        message: dict[str, Any] = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            found = self._next()
            if found.get("id") == self.number:
                if "error" in found:
                    raise RuntimeError(f"{method}: {found['error']}")
                return dict(found["result"])

    def _next(self, wait: float = 60) -> dict[str, Any]:
        while b"\0" not in self.held:
            if not select.select([self.into], [], [], wait)[0]:
                raise TimeoutError("the browser does not answer")
            more = os.read(self.into, 1 << 20)
            if not more:
                raise RuntimeError("the browser is gone")
            self.held += more
        message, _, self.held = self.held.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        if "method" in found:
            self.events.append(found)
            if found["method"] == "Page.javascriptDialogOpening":
                self.number += 1
                answer = {
                    "id": self.number,
                    "method": "Page.handleJavaScriptDialog",
                    "params": {"accept": False},
                }
                os.write(self.out, json.dumps(answer | {"sessionId": self.session}).encode() + b"\0")
        return found

    def open(self, path: Path, ready: str = "document.body.dataset.ready === 'yes'") -> None:
        """Open a file and wait until `ready` holds."""
        self.call("Page.navigate", url=path.resolve().as_uri())
        self.until(f"document.readyState === 'complete' && {ready}")

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression (awaited)."""
        found = self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=True
        )
        if "exceptionDetails" in found:
            raise RuntimeError(str(found["exceptionDetails"]))
        return found["result"].get("value")

    def until(self, expression: str, seconds: float = 30) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + seconds
        while not self.evaluate(expression):
            if time.monotonic() > end:
                raise TimeoutError(f"never true: {expression}")
            time.sleep(0.02)

    def key(self, key: str, text: str = "") -> None:
        """Press a key where the focus is."""
        codes = {"Enter": 13, "Tab": 9, " ": 32}
        about = {"key": key, "text": text, "windowsVirtualKeyCode": codes.get(key, ord(key[0].upper()))}
        self.call("Input.dispatchKeyEvent", type="keyDown", **about)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    def size(self, width: int, height: int) -> None:
        """Set the viewport."""
        phone = width < 500
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=phone,
        )

    def picture(self, path: Path, whole: bool = True) -> None:
        """Save a screenshot as PNG."""
        import base64

        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        path.write_bytes(base64.b64decode(data))

    def seen(self, *methods: str) -> list[dict[str, Any]]:
        """Events of these kinds."""
        return [e["params"] for e in self.events if e["method"] in methods]


@contextmanager
def browser(profile: Path) -> Iterator[Tab]:
    """Chromium with an empty profile; ended afterwards."""
    path = chromium()
    assert path is not None
    from_us, to_us = os.pipe(), os.pipe()

    ends = (from_us[0], to_us[1])
    process = subprocess.Popen(
        [sys.executable, "-c", WIRE, *map(str, ends), path, *FLAGS, f"--user-data-dir={profile}"],
        pass_fds=ends,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(from_us[0])
    os.close(to_us[1])
    try:
        yield Tab(process, from_us[1], to_us[0])
    finally:
        process.kill()
        process.wait()
        os.close(from_us[1])
        os.close(to_us[0])
