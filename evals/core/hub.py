"""Whether the hub answers: without it what is in the local cache is used, or refused, at once."""

from __future__ import annotations

import os
import socket
import sys
import threading
from urllib.parse import urlsplit

PATIENCE = 3.0  # seconds in which the hub must answer
PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


def hub_or_cache() -> bool:
    """Whether the hub (or the proxy to it) accepts connections; where not, its libraries are told so.

    They would otherwise try for half a minute before they say the same. Call it before they are used.
    """
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        return False
    named = next((os.environ[p] for p in PROXIES if os.environ.get(p)), None)
    url = urlsplit(named or os.environ.get("HF_ENDPOINT") or "https://huggingface.co")
    port = url.port or (80 if url.scheme == "http" else 443)
    answered = _answers(url.hostname or "huggingface.co", port)
    if not answered:
        os.environ["HF_HUB_OFFLINE"] = "1"  # read when huggingface_hub is first imported
        for module in ("huggingface_hub.constants", "datasets.config"):
            if module in sys.modules:
                sys.modules[module].HF_HUB_OFFLINE = True  # type: ignore[attr-defined]
    return answered


def _answers(host: str, port: int) -> bool:
    """Whether a connection is accepted in time; looking up a name may hang, so another thread does it."""
    found: list[bool] = []

    def connect() -> None:
        try:
            socket.create_connection((host, port), timeout=PATIENCE).close()
            found.append(True)
        except OSError:
            found.append(False)

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(PATIENCE + 0.5)
    return bool(found and found[0])
