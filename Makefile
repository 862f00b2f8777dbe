# One-word commands. All of them work from a fresh clone; everything they install goes into .venv.
#
#   make demo      set up, plan both examples, say where the report lies
#   make test      set up, run the tests, in two processes
#   make check     style, types, floors of the house
#   make tools     as root: the system programs that some tests compare with
#   make bench     measure speed
#   make fuzz      read 10,000 damaged DICOM files and count how they ended
#   make mutate    break every rule once and see a test turn red (takes long; a stopped run goes on)
#   make validate  compare with measurements and other programs; writes docs/validation.md
#   make lock      resolve the dependencies anew (needs uv)
#   make clean     remove .venv and what was built

.SUFFIXES:
.NOTPARALLEL:
unexport PYTHONPATH PYTHONHOME

.PHONY: demo test check tools bench fuzz mutate validate lock clean

demo:
	@scripts/set_up
	@scripts/demo

test:
	@scripts/set_up with-tests
	@scripts/test

check:
	@scripts/set_up with-tests
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/python -m pytest -q tests/test_house.py

tools:
	@scripts/system_tools

bench:
	@scripts/set_up with-tests
	.venv/bin/python -m benchmarks

fuzz:
	@scripts/set_up with-tests
	METASPINE_FUZZ=10000 .venv/bin/python -m pytest -q -s --timeout 3600 tests/exchange/test_fuzz.py

mutate:
	@scripts/set_up with-tests
	.venv/bin/python -m validation.mutation

validate:
	@scripts/set_up with-tests
	.venv/bin/python -m validation

lock:
	@scripts/lock

clean:
	rm -rf .venv build dist demo .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests examples benchmarks validation -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true
