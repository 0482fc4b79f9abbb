# make run     passenger, gates, conductor, police window, station, without hardware, until Ctrl-C
# make test    lint and every test
# make install the programs, units and manuals, under DESTDIR and PREFIX
# make help    the rest

SHELL := /bin/sh
GO    ?= go
export CGO_ENABLED := 0
# Tests are compiled as programs are: Go keeps what it compiled with another -trimpath apart, which on a new machine is minutes for each.
export GOFLAGS := $(GOFLAGS) -trimpath

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
# When this was made, which is a floor for a gate's clock: the commit's time, so that a build can be repeated.
BUILT   := $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
# Go's own stamp is left out: it fails where the clone is another user's.
FLAGS   := -buildvcs=false -ldflags "-s -w -X main.version=$(VERSION) -X main.built=$(BUILT)"
# What is put on a device, and what is for the bench.
DEVICE  := ./cmd/railgated ./cmd/railgate
PROGRAMS := $(DEVICE) ./cmd/issuer ./cmd/station ./cmd/bench

.PHONY: help run first wasm build cross install install-station deb deb-test lintian image image-test release test lint unit browser axe postgres screens pictures race crash hil hil-board bench bench-qr bench-station mutants mutants-quick arch architecture fuzz clean go

help:
	@echo "make run      passenger, gates, conductor, police window, station, without hardware, until Ctrl-C"
	@echo "make test     lint and every test"
	@echo "make build    programs for this machine, under bin/"
	@echo "make cross    programs for arm64 and armv7, under bin/linux-arm64 and bin/linux-armv7"
	@echo "make install  what a gate needs, below DESTDIR; BIN=bin/linux-arm64 for another machine's card"
	@echo "make install-station what a station's box needs, below DESTDIR"
	@echo "make deb      Debian packages for arm64, armhf and amd64, under build/deb; ARCHS=arm64 for less"
	@echo "make deb-test this machine's packages: lintian, twice the same, and installed to purged in a small Debian"
	@echo "make image    a gate's disk, and the bundle that updates it, under build/image: BOARD=raspberry-pi, raspberry-pi-tryboot, pc or virt"
	@echo "make image-test QEMU's board boots its image to a passage, is updated, and falls back; IMAGETEST='-run TestImagePassage' for less"
	@echo "make release  packages, SBOMs and signed checksums, under build/release; KEY=FILE signs; with images where BUNDLEKEY=FILE BUNDLECERT=FILE sign their bundles"
	@echo "make hil      a gate in QEMU, from power-on to a passage, seen and driven at its pins, then its image as it is delivered; HIL='-run Passage' for less"
	@echo "make bench    how long things take, as docs/performance.md has it"
	@echo "make bench-qr railgate's QR reader against others; BENCHQR='--sets syn720 --rounds 1' for less, '--conditions 8 --rounds 1' for each condition"
	@echo "make bench-station a station of 200 gates, with a cut; BENCHSTATION='--for 1m --cut 1m' for less"
	@echo "make arch     the QR reader's frames on arm64 and 32-bit arm, under qemu-user"
	@echo "make architecture docs/architecture.svg, from the imports"
	@echo "make screens  a picture of each state of the pages on each screen, under build/screens"
	@echo "make pictures README's pictures, from the real pages"
	@echo "make mutants  whether the tests see each small change to what decides and keeps; mutants-quick: to the law and the decision"
	@echo "make fuzz     ten seconds of every fuzz test"
	@echo "make crash    kill railgated at a thousand random instants"
	@echo "make clean    remove what was built"

go:
	@command -v $(GO) >/dev/null || { echo "Go is needed, 1.26 or newer: https://go.dev/dl, then put its bin folder on PATH"; exit 1; }
	@$(GO) list -m >/dev/null || { echo "Go 1.26 or newer is needed, here is $$($(GO) env GOVERSION): https://go.dev/dl"; exit 1; }

# The inspector's program, which issuer and station carry: WebAssembly, packed. Packing it takes a minute, and is not done again for the same program.
wasm: go
	@[ -e cmd/inspector/built/inspector.wasm.br ] || echo "packing the inspector's program: a minute or more"
	@GO="$(GO)" $(GO) run ./cmd/inspector/pack cmd/inspector/built

build: go wasm
	@mkdir -p bin
	$(GO) build $(FLAGS) -o bin/ $(PROGRAMS)

cross: go wasm
	@mkdir -p bin/linux-arm64 bin/linux-armv7
	GOOS=linux GOARCH=arm64 $(GO) build $(FLAGS) -o bin/linux-arm64/ $(PROGRAMS)
	GOOS=linux GOARCH=arm GOARM=7 $(GO) build $(FLAGS) -o bin/linux-armv7/ $(PROGRAMS)

# What a gate needs. Units name programs by path, so another PREFIX is written into them. A configuration that is there is kept.
PREFIX ?= /usr
BIN    ?= bin
SHARE   = $(DESTDIR)$(PREFIX)/share
LIB     = $(DESTDIR)$(PREFIX)/lib
PROVISION_UNITS := railgate-provision.service railgate-provision@.service railgate-network.service railgate-network.path
UPDATE_UNITS := railgate-update.path railgate-update.service railgate-trial.service railgate-trial-failed.service
install: build
	@[ -x $(BIN)/railgated ] || { echo "no $(BIN)/railgated: run make cross first"; exit 1; }
	install -d $(DESTDIR)$(PREFIX)/bin $(LIB)/systemd/system $(SHARE)/man/man8 $(SHARE)/doc/railgate \
		$(SHARE)/bash-completion/completions $(SHARE)/zsh/vendor-completions $(SHARE)/fish/vendor_completions.d $(SHARE)/railgate $(DESTDIR)/etc/railgate
	install -m 755 $(BIN)/railgated $(BIN)/railgate $(DESTDIR)$(PREFIX)/bin
	install -d $(LIB)/railgate && ln -sf ../../bin/railgate $(LIB)/railgate/slots
	for u in railgated.service railgate-kiosk.service railgate.target $(UPDATE_UNITS) $(PROVISION_UNITS); do \
		sed 's|/usr/bin/railgate|$(PREFIX)/bin/railgate|' systemd/$$u > $(LIB)/systemd/system/$$u && chmod 644 $(LIB)/systemd/system/$$u || exit 1; done
	for d in sysusers.d tmpfiles.d modules-load.d; do install -D -m 644 systemd/$$d/railgate.conf $(LIB)/$$d/railgate.conf || exit 1; done
	install -D -m 644 systemd/system.conf.d/railgate.conf $(LIB)/systemd/system.conf.d/railgate.conf
	install -D -m 644 systemd/udev/99-railgate.rules $(LIB)/udev/rules.d/99-railgate.rules
	install -m 644 docs/railgated.8 $(SHARE)/man/man8
	bin/railgate man $(SHARE)/man
	bin/railgate config schema > $(SHARE)/railgate/railgated.schema.json
	bin/railgate completion bash > $(SHARE)/bash-completion/completions/railgate
	bin/railgate completion zsh > $(SHARE)/zsh/vendor-completions/_railgate
	bin/railgate completion fish > $(SHARE)/fish/vendor_completions.d/railgate.fish
	install -m 644 configs/railgated.toml systemd/railgated-chrony.conf docs/installation.md docs/technician.md $(SHARE)/doc/railgate
	cp -R configs/boards docs/installation $(SHARE)/doc/railgate
	[ -e $(DESTDIR)/etc/railgate/railgated.toml ] || install -m 640 configs/railgated.toml $(DESTDIR)/etc/railgate

# What a station's box needs: the program, its units and manuals, and examples to copy.
STATION_UNITS := $(notdir $(wildcard systemd/railgate-station*.service systemd/railgate-station*.timer))
install-station: build
	@[ -x $(BIN)/station ] || { echo "no $(BIN)/station: run make cross first"; exit 1; }
	install -d $(DESTDIR)$(PREFIX)/bin $(LIB)/systemd/system $(SHARE)/man $(SHARE)/doc/railgate-station
	install -m 755 $(BIN)/station $(DESTDIR)$(PREFIX)/bin
	for u in $(STATION_UNITS); do \
		sed 's|/usr/bin/station|$(PREFIX)/bin/station|' systemd/$$u > $(LIB)/systemd/system/$$u && chmod 644 $(LIB)/systemd/system/$$u || exit 1; done
	for d in sysusers.d tmpfiles.d; do install -D -m 644 systemd/$$d/railgate-station.conf $(LIB)/$$d/railgate-station.conf || exit 1; done
	bin/station man $(SHARE)/man
	install -m 644 docs/station.md configs/prometheus/station.yml configs/grafana/station.json $(SHARE)/doc/railgate-station
	cp -R configs/nats configs/nginx $(SHARE)/doc/railgate-station

# Debian packages, under build/deb. Their programs are built apart from bin/, for each architecture; two builds of a commit give equal packages.
DEBS        ?= build/deb
ARCHS       ?= arm64 armhf amd64
MAINTAINER  ?= The railgate maintainers <maintainers@railgate.example>
PACKAGED    := $(DEVICE) ./cmd/station
deb: go build $(addprefix deb-,$(ARCHS))
deb-%:
	@mkdir -p $(DEBS)/bin/$* && rm -f $(DEBS)/*_$*.deb
	@a=$*; arm=; [ $$a != armhf ] || { a=arm arm=7; }; GOOS=linux GOARCH=$$a GOARM=$$arm $(GO) build $(FLAGS) -o $(DEBS)/bin/$*/ $(PACKAGED)
	@GO="$(GO)" MAKE="$(MAKE)" UPSTREAM="$(UPSTREAM)" SOURCE_DATE_EPOCH=$(BUILT) MAINTAINER="$(MAINTAINER)" \
		sh systemd/deb/build.sh $* $(DEBS)/bin/$* $(DEBS)
	@ls $(DEBS)/*_$*.deb

# A gate's disk, of Debian's packages and ours, and the bundle by which a gate in service gets the same system. KEY, CERT and KEYRING are PEM files: what
# signs the bundle, and whose bundles a gate takes; without them a key for development is made.
IMAGEDIR   := build/image
image_arch  = $(if $(filter pc,$(BOARD)),amd64,arm64)
image: go
	@sh cmd/image/prepare.sh "$(BOARD)" $(IMAGEDIR) && $(MAKE) -s --no-print-directory deb ARCHS=$(image_arch) && \
		$(GO) run ./cmd/image -board "$(BOARD)" -out $(IMAGEDIR) -debs $(DEBS) -version "$(UPSTREAM)" -epoch $(BUILT) -key "$(KEY)" -cert "$(CERT)" -keyring "$(KEYRING)" -kernel "$(KERNEL)"

# The image of QEMU's board, booted as it is delivered, with U-Boot; and updates of it, good ones, bad ones, and with the power cut. Those of a
# Raspberry Pi and of a PC too, where they were made.
PC_IMAGE = $(wildcard $(CURDIR)/$(IMAGEDIR)/railgate-$(UPSTREAM)-pc.img)
image-test: go
	@sh cmd/image/prepare.sh virt $(IMAGEDIR); case $$? in 3) echo "image-test: skipped"; exit 0;; 0) ;; *) exit 1;; esac; \
		sh cmd/hil/prepare.sh $(HILDIR) u-boot-qemu $(if $(PC_IMAGE),qemu-system-x86 ovmf); case $$? in 3) exit 0;; 0) ;; *) exit 1;; esac; \
		$(MAKE) -s --no-print-directory image BOARD=virt && mkdir -p $(HILDIR)/bin $(HILDIR)/here && GOOS=linux GOARCH=arm64 $(GO) build $(FLAGS) -o $(HILDIR)/bin/ ./cmd/hil && \
		$(GO) build $(FLAGS) -o $(HILDIR)/here/ ./cmd/station ./cmd/railgate ./cmd/hil && \
		RAILGATE_IMAGES="$(CURDIR)/$(IMAGEDIR)" $(GO) test -count=1 ./cmd/image && \
		echo "go test ./cmd/hil, with the image" && RAILGATE_HIL="$(CURDIR)/$(HILDIR)" RAILGATE_IMAGE="$(CURDIR)/$(IMAGEDIR)/railgate-$(UPSTREAM)-virt.img" \
		RAILGATE_PI_IMAGE="$(wildcard $(CURDIR)/$(IMAGEDIR)/railgate-$(UPSTREAM)-raspberry-pi.img)" RAILGATE_PC_IMAGE="$(PC_IMAGE)" \
		$(GO) test -count=1 -timeout 2h -run TestImage $(IMAGETEST) ./cmd/hil

# What is given to others, under build/release: packages for every architecture, the disks of IMAGES' boards with the bundles that update them, what all of it
# is made of, FILES beside it, and checksums, signed with KEY. It is made of a commit, and of Debian's packages of that day. BUNDLEKEY and BUNDLECERT (PEM)
# sign bundles, BUNDLEKEYRING has the certificates whose bundles a gate takes: what a key for development has signed is not for others, so without them there is no image.
UPSTREAM = $(shell sh systemd/deb/version.sh)
IMAGES ?= raspberry-pi pc
release: go
	@[ -n "$(KEY)" ] || { echo "release: no key to sign with: make release KEY=FILE; ssh-keygen -t ed25519 -f FILE makes one"; exit 1; }
	@[ -z "$(BUNDLEKEY)$(BUNDLECERT)" ] || [ -r "$(BUNDLEKEY)" -a -r "$(BUNDLECERT)" ] || { echo "release: BUNDLEKEY and BUNDLECERT are to be two files, a key and its certificate (PEM)"; exit 1; }
	@[ -z "$$(git status --porcelain)" ] || { echo "release: what is not committed is in no release: commit it, or take it away:"; git status --short; exit 1; }
	@$(MAKE) -s --no-print-directory deb ARCHS="$(ARCHS)" && $(MAKE) -s --no-print-directory lintian ARCHS="$(ARCHS)" && images= && \
		if [ -n "$(BUNDLEKEY)" ]; then for b in $(IMAGES); do i=$(IMAGEDIR)/railgate-$(UPSTREAM)-$$b && \
			$(MAKE) -s --no-print-directory image BOARD=$$b KEY="$(BUNDLEKEY)" CERT="$(BUNDLECERT)" KEYRING="$(BUNDLEKEYRING)" && \
			echo "release: compressing $$i.img" && zstd -q -f -6 -T2 $$i.img -o $$i.img.zst && images="$$images $$i.img.zst $$i.raucb $$i.cdx.json" || exit 1; done; \
		else echo "release: without images: BUNDLEKEY=FILE BUNDLECERT=FILE sign their bundles"; fi && \
		GO="$(GO)" UPSTREAM="$(UPSTREAM)" sh systemd/deb/release.sh $(DEBS) build/release/$(UPSTREAM) "$(KEY)" $(ARCHS) -- $$images $(FILES)

# This machine's packages: lintian, a second build that must be equal, and a Debian that installs, upgrades, removes and purges them.
HERE = $(shell dpkg --print-architecture 2>/dev/null)
deb-test: go
	@case " arm64 armhf amd64 " in *" $(HERE) "*) ;; *) echo "deb-test: skipped: it needs Debian's dpkg"; exit 0;; esac; \
		git rev-parse -q HEAD >/dev/null 2>&1 || { echo "deb-test: skipped: git does not read this folder (git config --global --add safe.directory $(CURDIR))"; exit 0; }; \
		$(MAKE) -s --no-print-directory deb ARCHS=$(HERE) && $(MAKE) -s --no-print-directory lintian ARCHS=$(HERE) && \
		MAKE="$(MAKE)" sh systemd/deb/repeat.sh $(HERE) $(DEBS) && { sh systemd/deb/prepare.sh $(DEBS)/debian $(DEBS); case $$? in 3) exit 0;; 0) ;; *) exit 1;; esac; } && \
		echo "go test ./systemd, in a Debian of its own" && RAILGATE_DEBS="$(abspath $(DEBS))" $(GO) test -count=1 -timeout 10m -run 'TestPackages|TestRelease' ./systemd

# lintian's errors and warnings; exceptions and their reasons are in systemd/deb/*.lintian-overrides.
lintian:
	@command -v lintian >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && { apt-get update -qq; \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends lintian; } >/dev/null 2>&1; } || true
	@if command -v lintian >/dev/null; then for a in $(ARCHS); do lintian --fail-on error,warning $(DEBS)/*_$$a.deb || exit 1; done; echo "lintian: neither errors nor warnings: $(ARCHS)"; \
	else echo "lintian: skipped: apt install lintian"; fi

# BENCH='-listen 127.0.0.1:8001' is another address. The first build takes a minute or more: it names each package.
run: FLAGS += -v
run: first build
	@bin/bench $(BENCH)
first:
	@[ -x bin/bench ] || echo "building railgate: the first time Go fetches and compiles its modules, which takes a minute or more"

test: lint unit race crash arch cross

lint: go
	@unformatted=$$($$($(GO) env GOROOT)/bin/gofmt -l cmd configs driver store systemd verify); [ -z "$$unformatted" ] || { echo "gofmt these: $$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) vet -tags hil ./cmd/railgated
	GOOS=js GOARCH=wasm $(GO) vet ./cmd/inspector/wasm
	$(GO) tool staticcheck ./...

# Many of the packages wait more than they work, for daemons and browsers: one more than there are processors is tested at a time.
unit: go wasm browser axe postgres
	$(GO) test -timeout 30m -p $$(($$(nproc) + 1)) ./...

# The browser tests want chromium. It is installed where that may be done, else named.
NO_BROWSER := browser tests: skipped: they need chromium (apt install chromium fonts-noto-cjk)
browser:
	@for b in chromium chromium-browser google-chrome; do command -v $$b >/dev/null && exit 0; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "installing chromium, for the browser tests"; \
		{ apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends chromium fonts-noto-cjk; } >/dev/null 2>&1 || echo "$(NO_BROWSER)"; \
	else echo "$(NO_BROWSER)"; fi

# The ledger's tests want Debian's PostgreSQL, which a script of ours starts in a temporary folder: the package's own cluster is not made.
postgres:
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 && exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "installing postgresql, for the ledger's tests"; mkdir -p /etc/postgresql-common; \
		[ -e /etc/postgresql-common/createcluster.conf ] || echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf; \
		{ timeout 300 apt-get install -y --no-install-recommends postgresql || { timeout 120 apt-get update && DEBIAN_FRONTEND=noninteractive timeout 300 apt-get install -y --no-install-recommends postgresql; }; } >/dev/null 2>&1 || echo "$(NO_POSTGRES)"; \
	else echo "$(NO_POSTGRES)"; fi
NO_POSTGRES := PostgreSQL tests: skipped: they need postgresql (apt install postgresql)

# The picture of docs/architecture.md; a test compares it with the imports.
architecture: go
	$(GO) run ./cmd/rooms > docs/architecture.svg

# The browser tests look at the pages with axe-core too: one file, fetched through npm into build/.
AXE_VERSION := 4.14.1
axe:
	@[ -s build/axe/axe.min.js ] && exit 0; mkdir -p build/axe; \
	command -v npm >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && echo "installing npm, for axe-core" && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends npm >/dev/null 2>&1; }; \
	{ cd build/axe && npm pack --silent axe-core@$(AXE_VERSION) >/dev/null && tar xzf axe-core-$(AXE_VERSION).tgz --strip-components=1 package/axe.min.js; } 2>/dev/null || \
		echo "axe: skipped, axe-core could not be fetched (apt install npm, and a network)"

# A picture of each state of the passenger's page on each screen, light and dark, and of the gate's screen: build/screens.
screens: go browser axe
	RAILGATE_SCREENS=1 $(GO) test -count=1 -run 'TestEveryState|TestTheGatesScreen|TestTheLaneIsSeen|TestTheFourOnEveryScreen|TestTheOtherPages' ./cmd/bench
	@echo "pictures: build/screens"

pictures: go browser
	RAILGATE_PICTURES=$(CURDIR)/docs $(GO) test -count=1 -run TestPictures ./cmd/bench

# The race detector needs a C compiler; what it looks at is where goroutines meet.
RACED := $(addprefix ./driver/,clock gpioline panel scanner turnstile v4l2) ./store ./store/link $(addprefix ./cmd/,issuer issuer/counter issuer/office railgate railgated railgated/keyring railgated/logsink station/hub station/collect)
race: go
	@if command -v cc >/dev/null || command -v gcc >/dev/null; then \
		echo "go test -race $(RACED)"; CGO_ENABLED=1 $(GO) test -race -short -timeout 30m $(RACED); \
	else echo "race detector: skipped: it needs a C compiler (apt install gcc)"; fi

crash: go
	RAILGATE_KILLS=1000 $(GO) test -count=1 -timeout 20m -run TestKilledAtRandomInstants -v ./cmd/railgated

# The same frames must be read the same on the processors that gates have.
arch: go
	@command -v qemu-aarch64-static >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
		{ apt-get install -y -qq qemu-user-static >/dev/null 2>&1 || { apt-get update -qq && apt-get install -y -qq qemu-user-static; } >/dev/null 2>&1; }; } || true
	@if command -v qemu-aarch64-static >/dev/null; then \
		echo "go test on arm64 and arm: $(ARCHED)"; \
		GOARCH=arm64 $(GO) test -exec qemu-aarch64-static $(ARCHED) && GOARCH=arm GOARM=7 $(GO) test -exec qemu-arm-static $(ARCHED); \
	else echo "arm64 and arm: skipped: they need qemu-user-static (apt install qemu-user-static)"; fi
ARCHED := -short -run 'SameReads|Layout|Segments|EveryMask|Finders|Dark|Smaller|Vectors|LeftOut|EachVector|Base45|EveryFormat|Libjpeg|InverseTransform|WhatHolds|NoGrid|Nowhere|ConditionsAre' ./driver/eye ./driver/eye/frames ./driver/jpegluma ./driver/v4l2 ./verify

# The gate that is emulated: from its programs for arm64, test by test, then from its image as it is delivered. Tests that HIL names are run alone.
hil: hil-board
	$(if $(findstring -run,$(HIL)),,@$(MAKE) --no-print-directory image-test IMAGETEST='-run TestImagePassage')

HILDIR := build/hil
hil-board: go wasm
	@mkdir -p $(HILDIR)/bin $(HILDIR)/here
	GOOS=linux GOARCH=arm64 $(GO) build $(FLAGS) -o $(HILDIR)/bin/ $(PACKAGED) ./cmd/hil
	$(GO) build $(FLAGS) -o $(HILDIR)/here/ ./cmd/station ./cmd/railgate
	GOOS=linux GOARCH=arm64 $(GO) build -tags hil $(FLAGS) -o $(HILDIR)/bin/railgated-faults ./cmd/railgated
	@sh cmd/hil/prepare.sh $(HILDIR); case $$? in 3) exit 0;; 0) ;; *) exit 1;; esac; \
		sh cmd/hil/loopback.sh $(HILDIR) || exit 1; rm -rf $(HILDIR)/stories; echo "go test ./cmd/hil"; RAILGATE_HIL="$(CURDIR)/$(HILDIR)" $(GO) test -count=1 -timeout 40m $(HIL) ./cmd/hil; e=$$?; \
		echo "what was done, what the pins did and what railgated wrote, by time: $(HILDIR)/stories"; exit $$e

bench: go browser
	$(GO) test -run '^$$' -bench 'Verify' ./verify
	$(GO) test -run '^$$' -bench 'Passage' -benchtime 300x ./cmd/railgated
	$(GO) test -run '^$$' -bench 'Frame' -benchtime 1000x ./cmd/railgated
	$(GO) test -run '^$$' -bench 'Watch' -benchtime 500x ./cmd/railgated
	$(GO) test -run '^$$' -bench 'Footprint' -benchtime 1x ./cmd/railgated
	$(GO) test -run '^$$' -bench 'IssuerCodes' -benchtime 50000x ./cmd/issuer
	@# From a camera's frame to the verdict, on a phone's page.
	$(GO) test -run '^$$' -bench 'FrameToVerdict' -benchtime 300x ./cmd/inspector
	@# From a picture at the camera to the lit screen; a hand holds each for more than a second.
	$(GO) test -run '^$$' -bench 'PictureToScreen' -benchtime 100x ./cmd/bench

# The others are Debian's, and zxing-cpp's newest and quirc if ZXING_SRC and QUIRC_SRC name the folders of their sources.
PEERS := g++ libzbar-dev libzxing-dev cmake
bench-qr: go
	@missing=$$(for p in $(PEERS); do dpkg -s $$p >/dev/null 2>&1 || echo $$p; done); [ -z "$$missing" ] || \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then apt-get install -y --no-install-recommends $$missing || true; \
		else echo "bench-qr: for all peers, install" $$missing; fi
	@mkdir -p bin
	$(GO) build $(FLAGS) -o bin/ ./cmd/bench-qr
	bin/bench-qr $(BENCHQR)

# A station of 200 gates, a cut of ten minutes: a quarter of an hour and more. docs/scale.md has what it printed.
bench-station: build
	@mkdir -p bin
	$(GO) build $(FLAGS) -o bin/ ./cmd/bench-station
	bin/bench-station $(BENCHSTATION)
	$(GO) test -run '^$$' -bench AMillionRecords -benchtime 1x ./cmd/station/audit

# One place changed at a time; docs/testing.md has the shares and the survivors, and their reasons.
mutants: go
	$(GO) run ./cmd/mutants -doc docs/testing.md

mutants-quick: go
	$(GO) run ./cmd/mutants -quick

fuzz: go
	@for p in $$($(GO) list ./...); do for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz'); do \
		echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime 10s $$p || exit 1; done; done

clean:
	rm -rf bin build
