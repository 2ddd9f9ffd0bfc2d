# `make demo` and `make test` are all a fresh machine needs: Linux, Python 3.11 or newer, pip, make, gcc.
PYTHON  ?= python3
BIN     := .venv/bin
MEMBERS := backends/azureml backends/local backends/ray plugins/birds plugins/horovod plugins/imagefolder plugins/mlflow plugins/onnx \
	plugins/resnet plugins/tensorboard
READY   := .venv/.ready
AZURE   := .venv-azure
# Tests wait nearly as long as they compute, and those with a service longer.
WORKERS ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) * 3 / 2)))
WAITING ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) * 2)))

# Their tests are among the others once they are there: make horovod, make mlflow.
NO_HOROVOD = $(shell $(BIN)/python -c 'import horovod' 2> /dev/null || echo 'and not horovod')
NO_MLFLOW  = $(shell $(BIN)/python -c 'import flask' 2> /dev/null || echo 'and not mlflow_server')

.PHONY: demo test horovod mlflow ray test-azure azure-v2 azure-v1 lint bench clean

demo: $(READY)
	$(BIN)/fledge run demo.toml
	$(BIN)/fledge models list

# A file's tests stay together: many share what takes long to make. Those that train on every core have the machine
# to themselves: threads that wait for each other come to a crawl beside others.
test: $(READY)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m 'not real_photos and not ray and not azure $(NO_HOROVOD) $(NO_MLFLOW)'
	$(BIN)/python -m pytest -m real_photos

# Built once, in some minutes, and kept in the user's cache.
horovod: $(READY)
	$(BIN)/python -m fledge_horovod.build

# What MLflow's server needs beside its client.
# Flask-WTF is what a server that asks for credentials needs.
mlflow: $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-build-isolation \
		--editable 'plugins/mlflow[server]' Flask-WTF

# On a cluster of two nodes that it starts here; Ray itself is installed for it, and nothing else needs it.
ray: $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-build-isolation \
		--editable 'backends/ray[cluster]'
	$(BIN)/python -m pytest -m ray

# On a loopback Azure: each of Microsoft's SDKs in an environment of its own, and Azurite as the blob store (npm). Jobs
# run with .venv's interpreter. Tests that call an SDK in their own process run once in each SDK's environment, where the
# SDKs' warnings of themselves are ignored.
test-azure: $(READY) $(AZURE)/.ready
	$(BIN)/python -m pytest -n $(WAITING) --dist loadfile --no-loadscope-reorder -m azure
	$(MAKE) --jobs 2 azure-v2 azure-v1

azure-v2 azure-v1: azure-%: $(AZURE)/.ready
	FLEDGE_TESTS_AZURE_PYTHON=$(CURDIR)/$(BIN)/python $(AZURE)/$*/bin/python -m pytest -n $(WAITING) --dist worksteal -W ignore -m azure \
		$(addprefix backends/azureml/tests/test_,azureml_contract.py azureml_sweeper_contract.py azureml_clusters_contract.py \
			azure_registry.py azure_v1.py azure_v1_models.py azure_v1_sweep.py)

$(AZURE)/.ready: $(READY) backends/azureml/pyproject.toml $(wildcard backends/azureml/tests/constraints-*.txt)
	for sdk in v2 v1 serving; do $(BIN)/python backends/azureml/tests/sdk_environment.py $(AZURE)/$$sdk $$sdk || exit 1; done
	npm install --silent --no-audit --no-fund --prefix $(AZURE)/azurite azurite@3.35.0
	touch $@

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# A missed goal is shown, and so are photographs that are not there, and the next is measured.
bench: $(READY)
	-$(BIN)/python bench/real_photos.py
	-$(BIN)/python bench/time_to_accuracy.py --repeat 1 --epochs 2
	-$(BIN)/python bench/loop_overhead.py --repeat 5
	-$(BIN)/python bench/startup.py --repeat 3
	-$(BIN)/python bench/data_scale.py --sizes 1000 4000
	-$(BIN)/python bench/inference.py --repeat 1
	-$(BIN)/python bench/distributed.py --repeat 1
	-$(BIN)/python bench/throughput.py --repeat 1 --epochs 2 --seeds 0
	-$(BIN)/python bench/tracking.py --repeat 1 --points 100000 --listed 1000
	-$(BIN)/python bench/sweep.py --trials 3
	$(BIN)/python bench/reliability.py --kills 10 --runs 8

clean:
	rm -rf .venv .venv-azure bench/.environments .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache bench/results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Built without isolation, so that the build tool too is the one in constraints.txt.
$(READY): constraints.txt pyproject.toml $(addsuffix /pyproject.toml,$(MEMBERS))
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt hatchling editables
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-build-isolation \
		--editable '.[dev]' $(addprefix --editable ,$(MEMBERS))
	touch $@
