# Two commands: `make demo` shows the method at work, `make test` checks everything. Each sets up .venv by itself.
PYTHON ?= python3
TORCH  ?= 2.13.0
BIN    := .venv/bin

.PHONY: demo test quick slow gpu trust slower oldest newest audit lint docs bench tables tables-full rehearsal readme clean-venv help

help:
	@echo "make demo        three unseen rooms, purified: writes results/demo/index.html"
	@echo "make test        export, cleanliness, lint, every notebook, packaging, README, the site, every table on a small grid"
	@echo "make quick       notebooks of seconds, and does the package install (about two minutes)"
	@echo "make slow        the cells that make test leaves out because they take minutes"
	@echo "make gpu         all that is made for a GPU, in parts of ten minutes at most; writes results/benchmarks/gpu-CARD.json"
	@echo "make trust       kills, two at once, full disks, damaged bytes and attacks, at length: writes results/trust.md"
	@echo "make slower      is it slower than an older commit: make slower REF=v0.1.0; alternating, the ratio with its interval"
	@echo "make oldest      the quick notebooks with the oldest requirements that settings.ini allows, in .venv-oldest; make newest"
	@echo "make audit       known vulnerabilities of what is installed, by pip-audit"
	@echo "make lint        format, findings, types, and the counts that the house keeps"
	@echo "make docs        the site: writes _docs/site/index.html"
	@echo "make bench       the engine against the official way: writes results/benchmarks/ (about 25 minutes on two cores)"
	@echo "make tables      every results table on a small grid, into runs/smoke/results: does all of it run"
	@echo "make tables-full the tables of results/; hours, an interrupted run goes on"
	@echo "make rehearsal   the road from an official download to the paper's tables, on stand-ins, each stage named"
	@echo "make readme      README.md from nbs/index.ipynb"
	@echo "make clean-venv  remove the virtual environment"

# CPU builds of torch carry the local version "+cpu" and are found when pip knows an index that has them;
# without one, or where there is an NVIDIA driver, the ordinary build is taken.
.venv/ready: settings.ini setup.py
	@$(PYTHON) -c 'import sys; assert (3,10) <= sys.version_info[:2] <= (3,13), f"Python 3.10 to 3.13 is needed, this is {sys.version.split()[0]}; name another one: make PYTHON=python3.11"'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip "setuptools<81" wheel
	if command -v nvidia-smi >/dev/null 2>&1; then $(BIN)/python -m pip install --quiet "torch==$(TORCH)"; \
	else $(BIN)/python -m pip install --quiet "torch==$(TORCH)+cpu" 2>/dev/null || $(BIN)/python -m pip install --quiet "torch==$(TORCH)"; fi
	$(BIN)/python -m pip install --quiet --no-build-isolation -e ".[text,weights,hub,viewer,distributed,docs,dev]"
# CLIP's vocabulary, one file: what the package asks for itself would bring torchvision
	$(BIN)/python -m pip install --quiet --no-deps open_clip_torch
	@touch $@

demo: .venv/ready
	$(BIN)/geopurify demo --out results/demo

test: .venv/ready
	$(BIN)/python .ci/check.py

quick: .venv/ready
	$(BIN)/python .ci/check.py --quick

slow: .venv/ready
	$(BIN)/python .ci/check.py --slow

# Installs nothing: the environment is what PYTHON says, else .venv if it is there, else python3.
GPU_PYTHON = $(if $(filter command environment,$(firstword $(origin PYTHON))),$(PYTHON),$(if $(wildcard $(BIN)/python),$(BIN)/python,$(PYTHON)))

gpu:
	$(GPU_PYTHON) .ci/gpu.py $(GPU)

# TRUST hands parameters on: make trust TRUST="-p rounds 50 -p seed 7"
trust: .venv/ready
	mkdir -p runs
	$(BIN)/papermill --cwd nbs -k python3 -p rounds 10 -p size 1000000 -p results ../results/trust.md $(TRUST) nbs/95_trust.ipynb runs/trust.ipynb

slower: .venv/ready
	$(BIN)/python .ci/slower.py $(REF)

# The bounds of settings.ini: the quick notebooks, and those of the extras, in an environment of their own. Of the oldest
# torch a CPU build is taken where pip knows one; where it knows one of TORCH alone, that, since an ordinary build brings
# gigabytes for a GPU: then the last line says that the bound of torch was not tried.
EXTRAS := text,weights,hub,distributed
OF_EXTRAS := 00b_parallel 21a_hub 22a_minilm 41_training
TOOLS := nbdev==2.4.14 "execnb<0.2" papermill

oldest:
	$(PYTHON) -m venv .venv-oldest
	.venv-oldest/bin/python -m pip install --quiet --upgrade pip "setuptools<81" wheel
	$(PYTHON) .ci/bounds.py > .venv-oldest/oldest.txt
	bound=$$(sed -n 's/^torch==//p' .venv-oldest/oldest.txt); for version in $$bound+cpu $(TORCH)+cpu $$bound; do \
	.venv-oldest/bin/python -m pip install --quiet "torch==$$version" 2>/dev/null && break; done
	grep -v '^torch==' .venv-oldest/oldest.txt > .venv-oldest/others.txt
	.venv-oldest/bin/python -m pip install --quiet --no-build-isolation -c .venv-oldest/others.txt -e ".[$(EXTRAS)]" $(TOOLS)
	.venv-oldest/bin/python .ci/check.py --quick
	.venv-oldest/bin/python .ci/check.py $(OF_EXTRAS)
	@.venv-oldest/bin/python .ci/bounds.py --tried

newest:
	$(PYTHON) -m venv .venv-newest
	.venv-newest/bin/python -m pip install --quiet --upgrade pip "setuptools<81" wheel
	.venv-newest/bin/python -m pip install --quiet --no-build-isolation --upgrade --upgrade-strategy eager -e ".[$(EXTRAS)]" $(TOOLS)
	.venv-newest/bin/python .ci/check.py --quick
	.venv-newest/bin/python .ci/check.py $(OF_EXTRAS)

# Strict: an index that knows nothing of a package, or of no package at all, is an error and no good news. A version with
# a mark of its build ("+cpu") is asked for without it.
audit: .venv/ready
	$(BIN)/python -m pip install --quiet pip-audit
	$(BIN)/python -m pip list --format=freeze --exclude-editable | sed 's/+.*//' > .venv/installed.txt
	$(BIN)/pip-audit --strict --no-deps --disable-pip -r .venv/installed.txt

lint: .venv/ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python .ci/house.py --check

docs: .venv/ready
	$(BIN)/python docs/build.py

# Lifting first: the engine's table takes its rows over. The executed notebooks lie beside the tables and are not committed.
# BENCH hands parameters on, for a quick look: make bench BENCH="-p voxels 30000 -p threads 1"
# without growth and training, which stay as they are stored: make bench BENCH='-y "{measure: [stages, scans]}"'
# pip install pykdtree small_gicp pynanoflann: libraries that are measured beside ours where they are installed
bench: .venv/ready
	mkdir -p results/benchmarks
	$(BIN)/papermill --cwd nbs/benchmarks -k python3 nbs/benchmarks/lifting.ipynb results/benchmarks/lifting.ipynb
	$(BIN)/papermill --cwd nbs/benchmarks -k python3 --log-output $(BENCH) nbs/benchmarks/engine.ipynb results/benchmarks/engine.ipynb
	$(BIN)/papermill --cwd nbs/benchmarks -k python3 --log-output nbs/benchmarks/scan.ipynb results/benchmarks/scan.ipynb

# a small grid is computed anew each time; of the full one what is stored stays
tables: .venv/ready
	rm -rf runs/smoke/results
	$(BIN)/geopurify tables --grid smoke --jobs 2

tables-full: .venv/ready
	$(BIN)/geopurify tables --grid full --jobs 1

rehearsal: .venv/ready
	$(BIN)/python .ci/rehearsal.py

readme: .venv/ready
	$(BIN)/python .ci/readme.py

clean-venv:
	rm -rf .venv
