# make run     the phone and the gate on one page, without hardware, until Ctrl-C
# make test    lint and every test
# make help    the rest

SHELL := /bin/sh
GO    ?= go
export CGO_ENABLED := 0

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
# When this was made, which is a floor for a gate's clock: the commit's time, so that a build can be repeated.
BUILT   := $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
FLAGS   := -trimpath -ldflags "-s -w -X main.version=$(VERSION) -X main.built=$(BUILT)"
# What is put on a device, and what is for the bench.
DEVICE  := ./cmd/railgated ./cmd/railgate
PROGRAMS := $(DEVICE) ./cmd/issuer ./cmd/bench

.PHONY: help run build cross test lint unit browser pictures race crash bench fuzz clean go

help:
	@echo "make run      the phone and the gate on one page, without hardware, until Ctrl-C"
	@echo "make test     lint and every test"
	@echo "make build    programs for this machine, under bin/"
	@echo "make cross    programs for arm64 and armv7, under bin/linux-arm64 and bin/linux-armv7"
	@echo "make bench    how long things take, as docs/performance.md has it"
	@echo "make pictures README's two pictures, from the real pages"
	@echo "make fuzz     ten seconds of every fuzz test"
	@echo "make crash    kill railgated at a thousand random instants"
	@echo "make clean    remove what was built"

go:
	@command -v $(GO) >/dev/null || { echo "Go is needed, 1.26 or newer: https://go.dev/dl, then put its bin folder on PATH"; exit 1; }

build: go
	@mkdir -p bin
	$(GO) build $(FLAGS) -o bin/ $(PROGRAMS)

cross: go
	@mkdir -p bin/linux-arm64 bin/linux-armv7
	GOOS=linux GOARCH=arm64 $(GO) build $(FLAGS) -o bin/linux-arm64/ $(PROGRAMS)
	GOOS=linux GOARCH=arm GOARM=7 $(GO) build $(FLAGS) -o bin/linux-armv7/ $(PROGRAMS)

run: build
	@bin/bench

test: lint unit race crash cross

lint: go
	@unformatted=$$(gofmt -l cmd configs driver store verify); [ -z "$$unformatted" ] || { echo "gofmt these: $$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

unit: go browser
	$(GO) test ./...

# The browser tests want chromium. It is installed where that may be done, else named.
NO_BROWSER := browser tests: passed over, they need chromium (apt install chromium fonts-noto-cjk)
browser:
	@for b in chromium chromium-browser google-chrome; do command -v $$b >/dev/null && exit 0; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "installing chromium, for the browser tests"; \
		{ apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends chromium fonts-noto-cjk; } >/dev/null 2>&1 || echo "$(NO_BROWSER)"; \
	else echo "$(NO_BROWSER)"; fi

pictures: go browser
	RAILGATE_PICTURES=$(CURDIR)/docs $(GO) test -count=1 -run TestPictures ./cmd/bench

# The race detector needs a C compiler; what it looks at is where goroutines meet.
RACED := ./driver/... ./store ./cmd/...
race: go
	@if command -v cc >/dev/null || command -v gcc >/dev/null; then \
		echo "go test -race $(RACED)"; CGO_ENABLED=1 $(GO) test -race -short $(RACED); \
	else echo "race detector: passed over, it needs a C compiler (apt install gcc)"; fi

crash: go
	RAILGATE_KILLS=1000 $(GO) test -count=1 -timeout 20m -run TestKilledAtRandomInstants -v ./cmd/railgated

bench: go browser
	$(GO) test -run '^$$' -bench 'Verify' ./verify
	$(GO) test -run '^$$' -bench 'Passage' -benchtime 300x ./cmd/railgated
	$(GO) test -run '^$$' -bench 'Footprint' -benchtime 1x ./cmd/railgated
	$(GO) test -run '^$$' -bench 'IssuerCodes' -benchtime 50000x ./cmd/issuer
	@# From a picture at the camera to the lit screen; a hand holds each for more than a second.
	$(GO) test -run '^$$' -bench 'PictureToScreen' -benchtime 100x ./cmd/bench

fuzz: go
	@for p in $$($(GO) list ./...); do for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz'); do \
		echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime 10s $$p || exit 1; done; done

clean:
	rm -rf bin
