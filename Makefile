# The whole interface for a developer; CI calls it too. PYTHON chooses the interpreter, VENV the environment's folder,
# ARGS goes to the tool that a verb runs: make test ARGS="-k clinic". LOCKED=no takes the newest packages there are.
VENV ?= .venv
ARGS ?=
BIN := $(VENV)/bin
QUICK := $(addprefix tests/,compute core history reasoning scheduling storage) --ignore tests/reasoning/test_properties.py
ALL := audio bench browser dev quantize serial serve tui
export PYTHON VENV LOCKED

.DEFAULT_GOAL := help
.PHONY: help demo test quick check docs bench airgap sbom lock clean

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/    make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-16s%s\n", $$1, $$2}'

demo:  ## environment, starter models, then three questions over examples/
	@sh tools/bootstrap.sh audio tui
	@$(BIN)/edge-assistant models pull --profile starter
	$(BIN)/edge-assistant ask "What is the patient allergic to?" --image examples/clinic/form.jpg --audio examples/clinic/note.wav --readings examples/clinic/vitals.csv
	$(BIN)/edge-assistant ask "When was the alarm limit first exceeded?" --image examples/line/camera.jpg --readings examples/line/motor.csv --text examples/line/remark.txt
	$(BIN)/edge-assistant ask "Does the claim agree with the receipt on the amount?" --image examples/expense/receipt.jpg --audio examples/expense/claim.wav

test:  ## the test suite
	@sh tools/bootstrap.sh $(ALL)
	@$(BIN)/edge-assistant models pull --profile test
	@$(BIN)/edge-quantize tools
	$(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile $(ARGS)

quick:  ## for each change: lint, and the tests of values, reasoning, storage and scheduling
	@sh tools/bootstrap.sh $(ALL)
	@$(BIN)/ruff check
	@$(BIN)/pytest -q -n auto --maxprocesses 4 --dist loadfile $(QUICK) $(ARGS)

check:  ## lint, format, types, direction and circles of imports, names of classes, no subject in reasoning
	@sh tools/bootstrap.sh $(ALL)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/mypy --strict --no-warn-return-any tools
	$(BIN)/lint-imports
	$(BIN)/python tools/import_circles.py
	$(BIN)/python tools/class_names.py
	$(BIN)/python tools/subject_words.py
	$(BIN)/python tools/commit_subject.py

docs:  ## the documentation as a site in build/site; a broken link fails
	@sh tools/bootstrap.sh docs
	$(BIN)/mkdocs build --quiet

bench:  ## the measurements that need no data of your own, and tests that take long
	@sh tools/bootstrap.sh $(ALL)
	@$(BIN)/edge-assistant models pull --profile starter
	@$(BIN)/edge-assistant models pull faster-whisper-base
	@$(BIN)/edge-assistant models pull piper-en-us-joe-medium
	@$(BIN)/edge-assistant models pull --profile tiny
	@mkdir -p build
	$(BIN)/edge-assistant bench speed --all --out build/speed-$$(date +%Y-%m-%d-%H%M).json --plot build/speed.svg --image examples/clinic/form.jpg --audio examples/clinic/note.wav --readings examples/clinic/vitals.csv
	$(BIN)/edge-assistant bench writing
	$(BIN)/edge-assistant bench readings
	$(BIN)/edge-assistant bench app
	$(BIN)/edge-assistant bench audit
	$(BIN)/edge-assistant bench redaction
	$(BIN)/edge-assistant bench attacks
	$(BIN)/edge-assistant bench attacks --model real --profile starter
	$(BIN)/edge-assistant --no-lock bench serve
	$(BIN)/pytest -m bench $(ARGS)

airgap:  ## one folder for a machine that has never seen a network
	@sh tools/bootstrap.sh
	@$(BIN)/edge-assistant models pull --profile starter
	$(BIN)/python tools/airgap.py --folder airgap $(ARGS)
	sh tools/airgap_check.sh airgap

sbom:  ## the bill of materials of the demo's packages and models, CycloneDX, in build/
	@sh tools/bootstrap.sh $(ALL)
	@$(BIN)/edge-assistant models pull --profile starter
	$(BIN)/python tools/sbom.py $(ARGS)

lock:  ## pins what pyproject.toml and the catalog gained, with hashes; ARGS=--upgrade takes the newest
	@sh tools/bootstrap.sh $(ALL)
	$(BIN)/python tools/lock.py $(ARGS)
	$(BIN)/python tools/lock_weights.py

clean:  ## remove what these verbs made here; models and the built llama-cpp-python stay in your user folders
	rm -rf $(VENV) airgap build dist .coverage .hypothesis .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
