"""`evals doctor`: what is installed, what works here, and how fast this machine is."""

from __future__ import annotations

import importlib
import os
import platform
import shutil
import time
from importlib import metadata, util
from pathlib import Path

PACKAGES = ("excursions", "numpy", "scipy", "pandas", "pyarrow", "sympy", "datasets", "torch", "transformers",
            "vllm", "peft", "openai", "lm_eval", "ray", "math_verify")  # fmt: skip
EXTRAS = {"torch": "torch", "vllm": "vllm", "server": "openai", "peft": "peft", "ray": "ray",
          "lm-eval": "lm_eval", "math-verify": "math_verify"}  # fmt: skip
VARIABLES = ("HF_HOME", "HF_HUB_OFFLINE", "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS")
SIZES = {"135M": 135e6, "1B": 1e9}  # parameters of the models whose cost is estimated

Rows = list[tuple[str, str]]


def doctor(*, measure: bool = True) -> dict[str, Rows]:
    """Sections of (what, finding): system, packages, devices, engines, and the cost of a run.

    measure: time a matrix product and the verifier for half a second each. The first thing to paste into a
    bug report: it shows no user name, no key and no path but that of the packages.
    """
    sections = {"system": _system(), "packages": _packages(), "extras": _extras(),
                "devices": _devices(), "engines": _engines()}  # fmt: skip
    if measure:
        sections["cost, from half a second of each on this machine as busy as it is"] = _cost()
    return sections


def _system() -> Rows:
    free = shutil.disk_usage(Path.cwd()).free
    rows = [
        ("python", f"{platform.python_version()}, {platform.system()} {platform.machine()}"),
        ("excursions from", str(Path(__file__).resolve().parents[1]).replace(str(Path.home()), "~")),
        ("cores", str(os.cpu_count())),
        ("memory", _memory()),
        ("free disk here", f"{free / 1e9:,.0f} GB"),
        ("local data", _data()),
    ]
    return rows + [(name, os.environ[name]) for name in VARIABLES if name in os.environ]


def _data() -> str:
    named = os.environ.get("EXCURSIONS_DATA")
    if not named:
        return "EXCURSIONS_DATA is not set: benchmarks come from the hub"
    folder = Path(named).expanduser()
    return (
        f"EXCURSIONS_DATA, {sum(1 for _ in folder.iterdir())} entries"
        if folder.is_dir()
        else "no such folder"
    )


def _extras() -> Rows:
    return [
        (extra, "installed" if util.find_spec(module) else f"pip install 'excursions[{extra}]'")
        for extra, module in EXTRAS.items()
    ]


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:,.0f} GB"
    except (AttributeError, ValueError, OSError):
        return "not known"


def _packages() -> Rows:
    rows = []
    for name in PACKAGES:
        try:
            rows.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            rows.append((name, "not installed"))
    return rows


def _devices() -> Rows:
    if not util.find_spec("torch"):
        return [("torch", "not installed: statistics, the verifier, readers and reports work without it")]
    import torch

    rows = [("cpu", f"{torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}")]
    for i in range(torch.cuda.device_count()):
        about = torch.cuda.get_device_properties(i)
        rows.append((f"cuda:{i}", f"{about.name}, {about.total_memory / 1e9:,.0f} GB"))
    return rows


def _engines() -> Rows:
    return [(extra, _imports(EXTRAS[extra], extra)) for extra in ("torch", "vllm", "server")]


def _imports(module: str, extra: str) -> str:
    if not util.find_spec(module):
        return f"pip install 'excursions[{extra}]'"
    try:
        importlib.import_module(module)
    except Exception as error:  # whatever a broken installation raises
        return f"is installed but cannot be imported: {type(error).__name__}: {str(error).splitlines()[:1]}"
    return "ready"


def _cost() -> Rows:
    from evals.verify import grade

    grade("1", "\\boxed{1}")  # imports and tables
    began, graded = time.perf_counter(), 0
    while time.perf_counter() - began < 0.5:
        graded += grade("\\frac{1}{2}", f"So the answer is $\\boxed{{0.{graded}}}$.").correct is not None
    rows = [
        ("grading", f"{graded / (time.perf_counter() - began):,.0f} short answers a second, in one process")
    ]
    if not util.find_spec("torch"):
        return rows
    rate = _product_rate()
    rows.append(("matrix products", f"{rate / 1e9:,.0f} GFLOP/s in fp32"))
    for name, parameters in SIZES.items():
        seconds = 2 * parameters * 100 * 32 * 300 / rate
        text = (
            f"at least {seconds / 3600:,.1f} h for 100 problems x 32 samples x 300 tokens of one checkpoint"
        )
        rows.append((f"sampling a {name} model", text))
    return rows


def _product_rate(seconds: float = 0.5, size: int = 1024) -> float:
    """Floating-point operations a second of fp32 matrix products on the device that sampling takes."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    a = torch.ones(size, size, device=device)
    (a @ a).sum().item()
    began, products = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        (a @ a).sum().item()
        products += 1
    return 2 * size**3 * products / (time.perf_counter() - began)
