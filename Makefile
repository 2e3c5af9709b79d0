# What to type:
#
#	make build    bin/inborn, one static binary
#	make test     everything that says whether the tree is good: lint, tests, short fuzz runs, stock clients
#	make demo     the main job of Inborn, played with the real program
#
# A suite whose tools are not on the machine and cannot be installed is skipped, and says so. With CI=1 that fails.

GO       ?= go
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
FUZZTIME ?= 4s

# No result depends on the state of git, which is not there in an unpacked archive.
export GOFLAGS := -buildvcs=false $(GOFLAGS)

ifneq ($(CI),)
export CI
export REQUIRE_POSTGRES := 1
export REQUIRE_CLIENTS := 1
endif

# $(call skip,what and why) ends a recipe line: a note, or in CI a failure.
skip = if [ -n "$$CI" ]; then echo "FAILED: $(1)" >&2; exit 1; else echo "SKIPPED: $(1)" >&2; fi

SOURCES = find . -name '*.go' -not -path '*/node_modules/*'

.PHONY: build test install unit lint fmt fuzz interop demo bench soak clean

build:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X github.com/inborn-id/inborn/internal/cli.version=$(VERSION)' -o bin/inborn ./cmd/inborn

test: install lint unit fuzz interop demo

# What the tests start besides Go: PostgreSQL for clusters, curl, Node and az as clients (az brings Python's libraries), a
# C compiler for the race detector.
install:
	@missing=; \
	command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$$missing postgresql"; \
	command -v gcc >/dev/null || missing="$$missing gcc libc6-dev"; \
	command -v curl >/dev/null || missing="$$missing curl ca-certificates"; \
	command -v openssl >/dev/null || missing="$$missing openssl"; \
	command -v node >/dev/null || missing="$$missing nodejs"; \
	command -v npm >/dev/null || missing="$$missing npm"; \
	command -v az >/dev/null || missing="$$missing azure-cli"; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	echo "not on this machine:$$missing"; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		export DEBIAN_FRONTEND=noninteractive; \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends $$missing >/dev/null && exit 0; \
	fi; \
	$(call skip,the tests that need:$$missing; install them by hand)

# The rules look at all packages, which the cache of go test does not know.
unit:
	$(GO) test -count=1 .
	$(GO) test -race -p 2 -timeout 8m ./...
	CGO_ENABLED=0 $(GO) test -timeout 5m ./internal/sandbox # as the binary is built: init can do more then

lint: .tools/staticcheck
	@bad=$$($(SOURCES) -exec gofmt -l {} +); if [ -n "$$bad" ]; then echo "not formatted (make fmt):"; echo "$$bad"; exit 1; fi
	$(GO) vet ./...
	@if [ -x .tools/staticcheck ]; then echo .tools/staticcheck ./...; .tools/staticcheck ./...; fi

.tools/staticcheck: tools/go.mod tools/go.sum
	@mkdir -p .tools
	@(cd tools && $(GO) build -o ../.tools/staticcheck honnef.co/go/tools/cmd/staticcheck) || \
	{ $(call skip,staticcheck: it could not be built); }

fmt:
	$(SOURCES) -exec gofmt -w {} +

# Every fuzz target for FUZZTIME; what it finds lands in testdata/fuzz beside it. On a busy machine the fuzzer itself runs out
# of time now and then, which is no finding: then it is tried once more.
fuzz:
	@mkdir -p .tools
	@grep -rl --include='*_test.go' --exclude-dir=node_modules '^func Fuzz' . | sort | while read -r file; do \
		for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$$file"); do \
			echo "$$target in $$(dirname "$$file")"; \
			try() { $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -parallel 2 "$$(dirname "$$file")" >.tools/fuzz.log 2>&1; }; \
			try || { ! grep -q 'Failing input' .tools/fuzz.log && grep -q 'context deadline exceeded' .tools/fuzz.log && try; } || \
				{ cat .tools/fuzz.log; exit 1; }; \
		done || exit 1; \
	done

# Stock clients against bin/inborn, in a module of their own.
interop: build
	@if ! (cd interop && $(GO) mod download); then $(call skip,interop: its modules could not be had); else \
		cd interop && echo "interop: go test ./..." && $(GO) vet ./... && INBORN_BIN=$(CURDIR)/bin/inborn $(GO) test -count=1 -timeout 10m ./...; \
	fi

demo: build
	$(GO) run ./demo

bench: build
	INBORN_BIN=$(CURDIR)/bin/inborn $(GO) run ./bench

# The tests that get better with time, for as long as they take; a million random cases of rbac among them.
soak: build
	SOAK=1 $(GO) test -race -count=1 -timeout 2h ./internal/store/... ./internal/state/... ./internal/server ./internal/sandbox
	cd interop && SOAK=1 INBORN_BIN=$(CURDIR)/bin/inborn $(GO) test -count=1 -timeout 1h -run '^(TestTofu|TestSandboxLeaves)' .
	$(MAKE) fuzz FUZZTIME=10m

clean:
	rm -rf bin .tools interop/node_modules interop/seeds/node_modules interop/seeds/testdata/001/node_modules
