"""Work on Ray: the same pieces that local processes do, on one machine or a cluster.

Ray places the pieces, restarts those whose worker died, and moves nothing: all machines see one file system,
and each piece writes into the content-addressed store or run folder as it would here.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from evals.core.errors import BusyError, UserError

EXECUTORS = ("local", "ray")
RETRIES = 3  # new starts of a piece whose worker died
PATIENCE = 120.0  # seconds that a network file system may take to release the locks of a dead machine


def check_executor(name: str) -> None:
    """UserError for an executor that is unknown or not installed."""
    if name not in EXECUTORS:
        raise UserError(f"no executor {name!r}; choose one of {', '.join(EXECUTORS)}")
    if name == "ray" and importlib.util.find_spec("ray") is None:
        raise UserError("--executor ray needs Ray, which is not installed; pip install 'excursions[ray]'")


def slots() -> int:
    """How many pieces a cluster works on at once: its GPUs, or its cores where it has none."""
    found = _connected().cluster_resources()
    return max(1, int(found.get("GPU", 0) or found.get("CPU", 1)))


def submit(function: Callable[..., Any], *arguments: Any, cores: int = 1, gpu: bool = True) -> Any:
    """Hand one call to Ray; returns its reference. References among the arguments are waited for.

    gpu: the call takes one GPU for itself where the cluster has any. It is made again where its worker
    dies, so it must go on from what it left.
    """
    ray = _connected()
    gpus = 1 if gpu and ray.cluster_resources().get("GPU") else 0
    task = ray.remote(_here).options(num_cpus=cores, num_gpus=gpus, max_retries=RETRIES)
    return task.remote(str(Path.cwd()), function, *arguments)


def _here(folder: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call in the folder of the process that asked, so that relative paths mean the same."""
    try:
        os.chdir(folder)
    except OSError as error:
        raise UserError(f"{folder} is not on all machines of the cluster; use a shared folder") from error
    return function(*arguments)


def finished(references: Sequence[Any]) -> Iterator[tuple[int, Any]]:
    """(place, result) of each reference as it ends; an exception is a result too.

    A worker that died too often is a UserError. Ending the iterator early cancels what is left.
    """
    ray = _connected()
    places = {reference: place for place, reference in enumerate(references)}
    waiting = list(references)
    try:
        while waiting:
            ended, waiting = ray.wait(waiting)
            yield places[ended[0]], _result(ray, ended[0])
    finally:
        for reference in waiting:
            ray.cancel(reference, force=True)


def run_all(
    function: Callable[..., Any], jobs: Sequence[Sequence[Any]], *, gpu: bool = True
) -> Iterator[tuple[int, Any]]:
    """(place, result) of `function(*job)` of each job, as they end; the first exception is raised."""
    for place, result in finished([submit(function, *job, gpu=gpu) for job in jobs]):
        if isinstance(result, BaseException):
            raise result
        yield place, result


def patiently(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call, and wait while the dead worker whose piece this is still seems to hold its locks."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return function(*arguments)
        except BusyError:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)


def _connected() -> Any:
    """Ray, connected to $RAY_ADDRESS or the cluster on this machine, else started here."""
    check_executor("ray")
    import ray

    if not ray.is_initialized():
        try:
            ray.init(log_to_driver=False, logging_level=logging.ERROR, include_dashboard=False)
        except (ConnectionError, RuntimeError, ValueError) as error:
            where = os.environ.get("RAY_ADDRESS") or "here"
            raise UserError(
                f"Ray cannot be reached or started ({where}): set RAY_ADDRESS to a running cluster"
            ) from error
    return ray


def _result(ray: Any, reference: Any) -> Any:
    from ray.exceptions import RayError, RayTaskError

    try:
        return ray.get(reference)
    except RayTaskError as error:
        cause = error.cause
        return cause if isinstance(cause, UserError | OSError | RuntimeError | MemoryError) else error
    except RayError as error:
        return UserError(
            f"a Ray worker died {RETRIES + 1} times ({type(error).__name__}, out of memory?); "
            "start the same command again to go on"
        )
