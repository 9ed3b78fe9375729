"""Keys: content hashes and seeds, from the parts that decide them and nothing else."""

from __future__ import annotations

import hashlib
import json


def content_hash(*parts: object) -> str:
    """First 32 hex digits of the SHA-256 of the canonical JSON of `parts`."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def derive_seed(*parts: object) -> int:
    """A 63-bit seed keyed by `parts`: no global state, no dependence on order."""
    return int(content_hash("seed", *parts)[:16], 16) >> 1
