"""A server that speaks the OpenAI protocol as far as sampling needs it; a request decides its answer."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from evals.core.keys import content_hash


class SmallServer:
    """Runs while it is entered. `faults`: HTTP statuses with which the next requests are answered.

    takes_ids, takes_extras, takes_logprobs, has_chat: what it can do. cut: tokens after which it ends every
    answer; choices: how many it gives; ends: what it says of the end, or of one answer after the other.
    pages: bodies that are no answer, with which the next samples are answered.
    special, further: special tokens, and a text with some of them that would follow every answer; as in vLLM
    they are taken out, unless a request says otherwise, before the text is searched for stop texts.
    """

    def __init__(self, **how: Any) -> None:
        self.takes_ids = self.takes_extras = self.takes_logprobs = self.has_chat = True
        self.faults: list[int] = []
        self.special, self.further = (), ""
        self.pages: list[bytes] = []
        self.cut, self.choices, self.ends, self.down_at = None, 1, "stop", None
        self.models = [{"id": "small", "object": "model", "owned_by": "vllm", "max_model_len": 2048}]
        self.seen: list[dict[str, Any]] = []
        vars(self).update(how)

    def __enter__(self) -> SmallServer:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def answer(self, status: int, body: dict[str, Any] | bytes) -> None:
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                page = data.startswith(b"<")
                self.send_header("content-type", "text/html" if page else "application/json")
                self.send_header("content-length", str(len(data)))
                if status == 429:
                    self.send_header("retry-after", "0.01")
                self.end_headers()
                self.wfile.write(data)

            def do_GET(self) -> None:
                self.answer(200, {"object": "list", "data": server.models})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                if server.pages and body["max_tokens"] > 1:
                    self.answer(200, server.pages.pop(0))
                else:
                    self.answer(*server.answered(self.path, body))

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()

    def answered(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and answer of a request."""
        if self.faults:
            return self.faults.pop(0), {"error": {"message": "too much to do"}}
        if self.down_at is not None and sum(b["max_tokens"] > 1 for b in self.seen) >= self.down_at:
            return 401, {"error": {"message": "the key has expired"}}
        chat = path.endswith("/chat/completions")
        for wrong, why in [
            (chat and not self.has_chat, "the model has no chat template"),
            (isinstance(body.get("prompt"), list) and not self.takes_ids, "prompt must be a string"),
            ("top_k" in body and not self.takes_extras, "unknown argument top_k"),
            ("skip_special_tokens" in body and not self.takes_extras, "unknown argument skip_special_tokens"),
            ("logprobs" in body and not self.takes_logprobs, "logprobs are not offered"),
        ]:
            if wrong:
                return 400, {"error": {"message": why}}
        self.seen.append(body)
        asked = body["messages"] if chat else body["prompt"]
        key = content_hash(asked, body["seed"])
        words = [f" {key[i : i + 2]}" for i in range(0, 2 * min(self.cut or 6, body["max_tokens"]), 2)]
        text = "".join(words) + f" So \\boxed{{{int(key[:2], 16) % 40}}}"
        if self.further:
            text = self.searched(text + self.further, body)
        ends = self.ends if isinstance(self.ends, list) else [self.ends]
        asked_for = sum(b["max_tokens"] > 1 for b in self.seen)
        end = "length" if self.cut else ends[min(max(asked_for, 1), len(ends)) - 1]
        shaped = [self.choice(chat, text, words, end, "logprobs" in body) for _ in range(self.choices)]
        usage = {"prompt_tokens": 3, "completion_tokens": len(words), "total_tokens": 3 + len(words)}
        kind = "chat.completion" if chat else "text_completion"
        return 200, {
            "id": "x",
            "object": kind,
            "created": 1,
            "model": "small",
            "choices": shaped,
            "usage": usage,
        }

    def searched(self, text: str, body: dict[str, Any]) -> str:
        """A text as vLLM gives it: up to the first stop text in what it shows."""
        for token in () if body.get("skip_special_tokens") is False else self.special:
            text = text.replace(token, "")
        return min((text.partition(stop)[0] for stop in body.get("stop", ())), key=len, default=text)

    def choice(self, chat: bool, text: str, words: list[str], end: Any, logprobs: bool) -> dict[str, Any]:
        """One choice in the form of its protocol."""
        told: dict[str, Any] | None = None
        if logprobs and chat:
            told = {
                "content": [{"token": w, "logprob": -0.5, "bytes": None, "top_logprobs": []} for w in words]
            }
        elif logprobs:
            told = {"tokens": words, "token_logprobs": [-0.5] * len(words)}
        common = {"index": 0, "finish_reason": end, "logprobs": told}
        if chat:
            return common | {"message": {"role": "assistant", "content": text}}
        return common | {"text": text}
