"""Sampling from a server: one request per sample with its own seed, many at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

from evals.checkpoints.checkpoint import Checkpoint
from evals.core.errors import UserError
from evals.engines.server.dialects import additions, for_special_stops
from evals.engines.server.model import Untokenized, asked_of, client, tokenizer_for
from evals.engines.server.patience import Patience, Refused
from evals.engines.texts import cut
from evals.records import Request, Sample, SamplingOptions

SEEDS = 2**31
AT_ONCE = 64
UNKNOWN_CONTEXT = 10**9
TRIES = 5  # of a request whose answer is none
# reasons for an end that is the server's doing: of a failure, which another try may not meet, and of a filter
FAILED = ("abort", "aborted", "cancelled", "error", "insufficient_system_resource")
WITHHELD = ("blocklist", "content_filter", "prohibited_content", "recitation", "safety")


class ServerEngine:
    """Samples from a server. See `evals.engines.Engine` for the interface; it cannot score."""

    def __init__(self, checkpoint: Checkpoint, server: str, *, rows: int = AT_ONCE) -> None:
        self.server, self.model = server, str(checkpoint.config["served_as"])
        self.rows = min(rows, AT_ONCE)
        self.chunk = 4 * self.rows
        self.tokenizer = tokenizer_for(checkpoint)
        self.untokenized = isinstance(self.tokenizer, Untokenized)
        end = self.tokenizer.eos_token_id
        self.eos_ids: tuple[int, ...] = (-1 if end is None else int(end),)
        said = checkpoint.config.get("context")
        self.context = UNKNOWN_CONTEXT if self.untokenized or said is None else int(said)
        self.patience, self._client = Patience(server), client(server)
        self._dialects: dict[tuple[str, SamplingOptions], dict[str, Any]] = {}
        self.identity: dict[str, Any] = {
            "weights": checkpoint.weights,
            "tokenizer": checkpoint.tokenizer,
            "engine": "server",
            "version": checkpoint.config["owned_by"],
            "dtype": "unseen",
        }

    def encode(self, text: str) -> tuple[int, ...]:
        """See Engine; bytes where the tokenizer is the server's alone."""
        return tuple(self.tokenizer(text, add_special_tokens=True)["input_ids"])

    def score(self, prompt_ids: Sequence[Any], response_ids: Sequence[Any]) -> list[list[float]]:
        """Not to be had from a server."""
        raise UserError("a server does not score given texts; use --engine torch or vllm")

    def decided_by(self, options: SamplingOptions) -> dict[str, Any]:
        """What of a request decides a cell beside identity and options.

        Samples of special stops that the server never saw run past them; they are not continued.
        """
        return {"special_stops": "seen"} if for_special_stops(self.tokenizer, options.stops) else {}

    def sample(self, requests: Sequence[Request], options: SamplingOptions) -> list[Sample]:
        """See Engine."""
        found = dict(self.finished(requests, options))
        return [found[place] for place in range(len(requests))]

    def finished(self, requests: Sequence[Request], options: SamplingOptions) -> Iterator[tuple[int, Sample]]:
        """See Engine. A request that fails for good is an error once the others have ended."""
        if not requests:
            return
        self.patience.answered = self.patience.clock()
        self._dialect(requests[0], options)  # one thread finds out for all
        failed: UserError | None = None
        with ThreadPoolExecutor(self.rows) as pool:
            jobs = {pool.submit(self._one, request, options): i for i, request in enumerate(requests)}
            try:
                for job in as_completed(jobs):
                    try:
                        sample = job.result()
                    except UserError as error:
                        failed = failed or error
                        if not isinstance(error, NoSample):
                            self.patience.stopped.set()
                        continue
                    yield jobs[job], sample
            except BaseException:
                self.patience.stopped.set()
                for job in jobs:
                    job.cancel()
                raise
        self.patience.stopped.clear()
        if failed:
            raise failed

    def _one(self, request: Request, options: SamplingOptions) -> Sample:
        body = self._body(request, options) | self._dialect(request, options)
        told = "gave no choice for"
        for tried in range(TRIES):
            if tried:
                self.patience.pause(tried)
            answer = self._send(body)
            choices = getattr(answer, "choices", None) or [None]
            choice = choices[0] if hasattr(choices[0], "finish_reason") else None
            if choice is not None and (reason := _reason(choice)) not in FAILED:
                return self._sample(choice, getattr(answer, "usage", None), request, options)
            told = "gave no choice for" if choice is None else f"ended with {reason!r} its answer to"
        raise UserError(
            f"the server {self.server} {told} problem {request.problem}, {TRIES} times; "
            "see the server's log, then start the command again to go on"
        )

    def _body(self, request: Request, options: SamplingOptions) -> dict[str, Any]:
        """The request in the words of the protocol; neutral settings are added by the dialect."""
        body: dict[str, Any] = {
            "model": self.model,
            "n": 1,
            "seed": request.seed % SEEDS,
            "temperature": options.temperature,
            "top_p": options.top_p,
            "max_tokens": options.max_tokens,
            "extra_body": {},
        }
        if options.stops:
            body["stop"] = list(options.stops)
        if not self.untokenized:
            return body | {"prompt": list(request.prompt_ids)}
        asked = asked_of(request.prompt_ids)
        if arguments := asked.pop("arguments", None):
            body["extra_body"] = {"chat_template_kwargs": arguments}
        return body | asked

    def _send(self, body: dict[str, Any]) -> Any:
        """The answer; None where it is no JSON, as a page of a proxy or an answer that was cut off."""
        chat = "messages" in body
        create = self._client.chat.completions.create if chat else self._client.completions.create
        try:
            return self.patience.ask(lambda: create(**body))
        except (json.JSONDecodeError, UnicodeDecodeError):
            return None

    def _dialect(self, request: Request, options: SamplingOptions) -> dict[str, Any]:
        """What is added to a request: the most that this server takes, by a request of one token each."""
        body = self._body(request, options)
        key = ("chat" if "messages" in body else "text", options)
        if key not in self._dialects:
            refusal: Refused | None = None
            for added in additions(body, options, for_special_stops(self.tokenizer, options.stops)):
                try:
                    self._send(body | added | {"max_tokens": 1})
                    self._dialects[key] = added
                    break
                except Refused as error:
                    refusal = error
            else:
                raise UserError(f"{refusal}; {self._advice(body, options)}")
        return self._dialects[key]

    def _advice(self, body: dict[str, Any], options: SamplingOptions) -> str:
        if "messages" in body:
            return "where the model has no chat template, give --chat off"
        if not self.untokenized:
            return f"where it takes no token ids, give --ckpt {self.model}, its name there, and no folder"
        return "check the model's name, OPENAI_API_KEY and the sampling options"

    def _sample(self, choice: Any, usage: Any, request: Request, options: SamplingOptions) -> Sample:
        message = getattr(choice, "message", None)
        said = (choice.text if message is None else _spoken(message)) or ""
        if (reason := _reason(choice)) in WITHHELD:
            raise NoSample(
                f"the server {self.server} withheld text of its answer to problem {request.problem} "
                f"({reason}), so what it gave is no sample of the model; switch its filter off, or leave "
                "the problem out"
            )
        text = cut(said, options.stops)
        if len(text) < len(said):
            reason = "stop"  # also where the server went on behind it
        ids = getattr(choice, "token_ids", None)
        logprobs = _logprobs(choice) if _plain(options) or self.identity["version"] == "vllm" else None
        length = getattr(usage, "completion_tokens", None) or (len(logprobs) if logprobs else None)
        if reason == "length" and length and length < options.max_tokens:
            raise NoSample(
                f"the server {self.server} cut the answer to problem {request.problem} at {length} of "
                f"{options.max_tokens} tokens; let it serve a longer context, or set --max-tokens "
                f"{length} or less"
            )
        known = reason if reason in ("stop", "length") else None
        return Sample(text, tuple(ids) if ids else None, logprobs, known, length)


class NoSample(UserError):
    """An answer that the server cut or withheld; the others go on."""


def _reason(choice: Any) -> str:
    """Why an answer ended, as the server says it; empty where it says nothing."""
    return str(choice.finish_reason or "").lower()


def _plain(options: SamplingOptions) -> bool:
    """Whether log-probabilities of what is drawn from are those of the model."""
    return options.temperature == options.top_p == 1 and options.top_k <= 0 and options.min_p <= 0


def _spoken(message: Any) -> str:
    """The text of a message; reasoning that a server keeps apart stands before it, as the model wrote it."""
    thought = getattr(message, "reasoning_content", None) or getattr(message, "reasoning", None)
    said = message.content or ""
    return f"<think>{thought}</think>{said}" if thought else said


def _logprobs(choice: Any) -> tuple[float, ...] | None:
    """Log-probabilities of the tokens of a choice, in either protocol's form."""
    told = getattr(choice, "logprobs", None)
    if told is None:
        return None
    if (content := getattr(told, "content", None)) is not None:
        return tuple(float(token.logprob) for token in content)
    values = getattr(told, "token_logprobs", None)
    if not values or any(v is None for v in values):
        return None
    return tuple(float(v) for v in values)
