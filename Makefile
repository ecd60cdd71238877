# Every target is one line of a tool; the tools and their versions are in uv.lock.
.DEFAULT_GOAL := help
PYTHON ?= python3
RUN := .venv/bin/
PYTEST := $(RUN)python -m pytest -q
SOURCES := cli libs services scripts tests benchmarks examples/clients/python

# With IMAGE_BUILD the images are built, and loaded into the cluster, by that command.
BUILD_FOR_CLUSTER = $(if $(IMAGE_BUILD),$(RUN)python scripts/images.py --build "$(IMAGE_BUILD)" \
  $(if $(IMAGE_REGISTRY),--registry $(IMAGE_REGISTRY)) $(if $(IMAGE_TAG),--tag $(IMAGE_TAG)),:)

.PHONY: help
help: ## List every target
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Install what the services need into .venv, and nothing into the system
	@$(PYTHON) scripts/bootstrap.py

.PHONY: setup-dev
setup-dev: ## The same with the development tools
	@$(PYTHON) scripts/bootstrap.py --dev

.PHONY: setup-vllm
setup-vllm: setup-dev ## Install vLLM into .venv-vllm, for the GPU or for tests without one: 5 GB
	@$(RUN)python scripts/vllm_setup.py

.PHONY: demo
demo: setup ## See a provider fail, hang and come back: DEMO=--fast without pauses
	@$(RUN)failsoft demo $(DEMO)

.PHONY: up
up: setup ## Run the whole stack on this machine until Ctrl-C
	@$(RUN)failsoft up

.PHONY: test
test: setup-dev ## Run the tests: unit, contract, integration
	@$(PYTEST) -m "not e2e and not vllm and not gpu and not live and not cluster"

.PHONY: test-e2e
test-e2e: setup-dev ## Run the tests of whole stacks, every service as a process of its own: some minutes
	@$(PYTEST) tests/e2e

.PHONY: unit
unit: setup-dev ## Only the tests without sockets and processes
	@$(PYTEST) -m "not integration and not e2e and not cluster"

.PHONY: explore
explore: setup-dev ## Run the property tests on examples that nobody has seen yet
	@$(PYTEST) -m "not e2e and not vllm and not gpu and not live and not cluster" --hypothesis-profile=explore --timeout=600 $$(git grep -l "import.*hypothesis\|from hypothesis" -- '*/test_*.py')

.PHONY: simulate
simulate: setup-dev ## Walk N=10000 random schedules in virtual time, or tell one: SEED=7
	@PYTHONPATH=tests/support $(RUN)python -m simulation $(if $(SEED),--seed $(SEED),--count $(or $(N),10000))

.PHONY: rescue
rescue: setup-dev ## Break N=10000 random answers off, and let other targets go on with them
	@PYTHONPATH=tests/support $(RUN)python -m rescues --count $(or $(N),10000)

.PHONY: mutants
mutants: setup-dev ## Change the router's core and see that tests notice: MODULES="breaker gate"
	@$(RUN)python scripts/mutants.py $(MODULES)

.PHONY: helm3
helm3: ## Build Helm 3 with Go in build/bin, for tests beside Helm 4; two minutes the first time
	@if command -v go >/dev/null; then \
	  cd tests/tools/helm3 && go build -trimpath -ldflags="-s -w" -o $(CURDIR)/build/bin/helm3 helm.sh/helm/v3/cmd/helm; \
	else echo "left out, there is no Go: build/bin/helm3"; fi

.PHONY: test-chart
test-chart: helm3 ## Lint, render and check the Helm chart
	@$(PYTHON) scripts/bootstrap.py --dev --group chart
	@$(PYTEST) tests/chart

.PHONY: test-vllm
test-vllm: setup-dev ## Run the tests that need vLLM, some minutes; none where it cannot be installed
	@$(RUN)python scripts/vllm_setup.py; case $$? in \
	0) $(PYTEST) tests/vllm tests/conformance tests/engines -m vllm --timeout 600;; \
	69) echo "test-vllm: SKIPPED, nothing was tested: see above why";; \
	*) exit 1;; esac

.PHONY: test-jaeger
test-jaeger: setup-dev ## Look at whole stacks' traces in a real Jaeger, built with Go where there is none
	@$(RUN)python scripts/with_jaeger.py $(PYTEST) tests/e2e/jaeger

.PHONY: prometheus
prometheus: ## Build Prometheus and promtool with Go in build/bin, two minutes the first time
	@if command -v go >/dev/null; then \
	  cd tests/tools/prometheus && go build -trimpath -ldflags="-s -w" -tags remove_all_sd -o $(CURDIR)/build/bin/ \
	    github.com/prometheus/prometheus/cmd/prometheus github.com/prometheus/prometheus/cmd/promtool; \
	else echo "left out, there is no Go: build/bin/prometheus and build/bin/promtool"; fi

.PHONY: test-prometheus
test-prometheus: setup-dev prometheus ## See each alert fire in a real Prometheus in front of real services
	@PROMETHEUS=$$(ls $(CURDIR)/build/bin/prometheus 2>/dev/null) \
	  PROMTOOL=$$(ls $(CURDIR)/build/bin/promtool 2>/dev/null) \
	  $(PYTEST) tests/e2e/alerts

.PHONY: test-cluster
test-cluster: setup-dev ## Install on the Kubernetes cluster of KUBECONFIG, ask, roll, kill, upgrade: 6 minutes
	@$(BUILD_FOR_CLUSTER)
	@$(PYTEST) -s tests/cluster -m "cluster and not cluster_full"

.PHONY: test-cluster-full
test-cluster-full: setup-dev helm3 ## The same with every probe, death, policy, secret and scale: 50 minutes
	@$(BUILD_FOR_CLUSTER)
	@$(PYTEST) -s tests/cluster -m cluster

.PHONY: test-live
test-live: setup-dev ## Ask real providers, which costs some cents; those whose keys are in the environment
	@$(PYTEST) -m live

.PHONY: test-gpu
test-gpu: setup-vllm ## Run the tests that need an NVIDIA GPU, and print what they measure
	@$(PYTEST) -s -m gpu --timeout 600

.PHONY: gpu-smoke
gpu-smoke: setup-dev ## Try MODEL=… on the GPU: a directory, or what `preload` has fetched
	@$(RUN)python scripts/gpu_smoke.py $(or $(MODEL),$(error say which: make gpu-smoke MODEL=/models/llama-3.1-8b-instruct))

.PHONY: images
images: setup ## Build the images, for REGISTRY=… TAG=…, and push them with PUSH=1; WHICH="router cache" for some
	@$(RUN)python scripts/images.py $(if $(REGISTRY),--registry $(REGISTRY)) $(if $(TAG),--tag $(TAG)) \
	  $(if $(PUSH),--push) $(if $(BUILD),--build "$(BUILD)") $(if $(PYTHON_IMAGE),--python-image $(PYTHON_IMAGE)) $(WHICH)

.PHONY: lint
lint: setup-dev ## Format, lint, types, import rules, spelling, shell, YAML, generated files
	@$(RUN)ruff format --check .
	@$(RUN)ruff check .
	@$(RUN)mypy $(wildcard $(SOURCES))
	@$(RUN)lint-imports
	@$(RUN)codespell
	@$(RUN)yamllint --strict .
	@$(RUN)shellcheck .ci/run .ci/with-cluster $(wildcard scripts/*.sh scripts/lib/*.sh examples/clients/*/*.sh)
	@$(RUN)python scripts/gen_protos.py --check
	@$(RUN)python scripts/gen_docs.py --check
	@$(RUN)python -m scripts.dashboard --check
	@$(RUN)python scripts/chart_readme.py --check

.PHONY: format
format: setup-dev ## Format the code and sort its imports
	@$(RUN)ruff check --fix --select I .
	@$(RUN)ruff format .

.PHONY: protos
protos: setup-dev ## Generate code from the contracts
	@$(RUN)python scripts/gen_protos.py

.PHONY: docs
docs: setup-dev ## Write the generated parts of the documentation
	@$(RUN)python scripts/gen_docs.py
	@$(RUN)python -m scripts.dashboard

.PHONY: clients
clients: setup-dev ## Build the example clients whose languages are here, grpcurl where Go is, and .venv-sdks
	@if command -v npm >/dev/null; then \
	  cd examples/clients/node && npm ci --silent && echo "built for Node.js: examples/clients/node/ask.js"; \
	else echo "left out, there is no npm: examples/clients/node"; fi
	@if command -v go >/dev/null; then \
	  cd examples/clients/go && ./generate.sh && go build -o ask . && echo "built with Go: examples/clients/go/ask" && \
	  GOBIN=$(CURDIR)/build/bin go install github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3 && \
	  echo "built with Go: build/bin/grpcurl"; \
	else echo "left out, there is no Go: examples/clients/go and build/bin/grpcurl"; fi
	@echo "nothing to build for Python: examples/clients/python/ask.py"
	@UV_PROJECT_ENVIRONMENT=.venv-sdks .uv/bin/uv sync --frozen --quiet --only-group sdks --python $(RUN)python && \
	  echo "installed in .venv-sdks: langchain-openai and litellm"

.PHONY: bench
bench: setup ## Measure CPU time per request, as multiples of a bare gRPC echo
	@$(RUN)python -m benchmarks

.PHONY: bench-against
bench-against: setup ## Compare a healthy walk's CPU time with the commit in benchmarks/BASELINE
	@$(RUN)python -m benchmarks.against

.PHONY: bench-telemetry
bench-telemetry: setup ## Measure what spans and metrics add to a walk's CPU time
	@$(RUN)python -m benchmarks.telemetry

.PHONY: bench-engine
bench-engine: setup-dev ## Compare a token's CPU time through local-llm with the bare engine's
	@$(RUN)python -m benchmarks.engine

.PHONY: bench-idle
bench-idle: setup-dev ## Open a thousand streams over HTTP that pause, and print the memory of each
	@$(RUN)python -m benchmarks.idle

.PHONY: bench-sizing
bench-sizing: setup-dev ## Measure what router, cache and Valkey take for so much load
	@$(RUN)python -m benchmarks.sizing

.PHONY: outage
outage: setup ## Let the first provider die under load, and print what callers notice: OUTAGE=--fast
	@$(RUN)python -m benchmarks.outage $(OUTAGE)

.PHONY: overload
overload: setup ## Offer the local model ten times what it can answer: OVERLOAD=--fast for a short one
	@$(RUN)python -m benchmarks.overload $(OVERLOAD)

.PHONY: clean
clean: ## Remove what was installed and built here
	rm -rf .venv .venv-vllm .venv-sdks .uv build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
