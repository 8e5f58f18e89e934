# Every target makes what it needs: the virtual environment, the records, the schema.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SCRIPTS := preprocess_data.py train_model.py evaluate_model.py visualize_results.py

.PHONY: help demo run app test lint docs benchmark screenshots experiment generated grouping pretrained scale schema clean

help:            ## list the targets
	@grep -E '^[a-z]+: .*##|^[a-z]+:  +##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/'

demo: $(VENV)/.installed   ## run the four scripts on simulated records
	@for script in $(SCRIPTS); do echo "== $$script"; $(BIN)/python $$script --config configs/demo.yaml || exit; done

run: $(VENV)/.installed   ## run the four scripts on MIT-BIH, which is downloaded if it is not there
	@for script in $(SCRIPTS); do echo "== $$script"; $(BIN)/python $$script || exit; done

app: $(VENV)/.installed   ## serve the web application on http://127.0.0.1:8050, with the model of `make run` or else of the demo
	$(BIN)/python web_app.py

test: $(VENV)/.installed-dev   ## run the tests
	$(BIN)/python -m pytest

lint: $(VENV)/.installed-dev   ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/.installed-dev   ## build the documentation in site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

benchmark: $(VENV)/.installed-dev   ## measure time and memory of the scripts on MIT-BIH
	$(BIN)/python -m tools.benchmark

pretrained: $(VENV)/.installed-dev outputs/metrics.json   ## train the detector that comes with the package, on all of MIT-BIH
	@for script in $(filter-out visualize_results.py,$(SCRIPTS)); do \
	  echo "== $$script"; $(BIN)/python $$script --config configs/pretrained.yaml || exit; done
	$(BIN)/python -m tools.pretrained --config configs/pretrained.yaml

screenshots: $(VENV)/.installed-dev outputs/demo/threshold.json   ## take the pictures of the web application for the README
	$(BIN)/python -m tools.screenshots --config configs/demo.yaml

outputs/metrics.json:
	@$(MAKE) --no-print-directory run

outputs/demo/threshold.json:
	@$(MAKE) --no-print-directory demo

experiment: $(VENV)/.installed-dev   ## compare variants and baselines (run preprocess_data.py first)
	$(BIN)/python -m tools.experiment

generated: $(VENV)/.installed-dev   ## draw simulated ectopic beats beside recorded ones (run preprocess_data.py first)
	$(BIN)/python -m tools.generated

scale: $(VENV)/.installed-dev   ## measure how time and memory of the four scripts grow with the number of records
	$(BIN)/python -m tools.scale

grouping: $(VENV)/.installed-dev   ## measure groups of alike beats and what marks teach (run the first three scripts first)
	$(BIN)/python -m tools.grouping

schema: $(VENV)/.installed   ## write the schema that completes config.yaml in editors
	$(BIN)/python -c "from ecg_anomaly.config import write_schema; write_schema()"

clean:           ## remove the virtual environment and caches; data, models and outputs stay
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@
