# openuspd.  `make help` lists the targets.
#
# No configure step.  Objects go to build/$(CONFIG)/; CONFIG is release (default), debug, clang,
# asan, tsan, fuzz, armhf or arm64: targets that need another one call this makefile with it.
# V=1 shows whole commands, WERROR=1 makes warnings errors (CI does), NODEPS=1 installs nothing.

CONFIG ?= release
O := build/$(CONFIG)
PKGS := sqlite3 libevent libevent_pthreads jansson libcurl libmosquitto libsystemd libcrypto libcrypt zlib libzip expat xlsxwriter
PKG_CONFIG ?= pkg-config
ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc) --no-print-directory
endif
Q := $(if $(V),,@)

# ---- how to compile ----

CPPFLAGS += -I. -D_GNU_SOURCE
# Dates after 2038 on 32-bit targets, but not where structures with times are shared with a library.
TIME64 := -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64
TIME32_DOORS = $(shell grep -lE '^#include <(event2/|zip\.h)' $(EXISTING_SRC))
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wvla -Wmissing-prototypes -Wstrict-prototypes \
	-Wformat=2 -Wundef -Wno-missing-field-initializers $(if $(WERROR),-Werror)
# Bytes are where silent conversions hurt.
WARN_BYTES := -Wconversion
CFLAGS ?= -O2 -g
HARDEN := -fPIE -fstack-protector-strong -fstack-clash-protection -D_FORTIFY_SOURCE=2
LDFLAGS_HARDEN := -pie -Wl,-z,relro,-z,now -Wl,--as-needed
DEP_GROUPS := build
RUN_ENV :=
RUN_WRAP :=

ifeq ($(CONFIG),debug)
CFLAGS := -O0 -g3
HARDEN := -fPIE
else ifeq ($(CONFIG),clang)
CC := clang
DEP_GROUPS += clang
else ifeq ($(CONFIG),asan)
CFLAGS := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
HARDEN := -fPIE
RUN_ENV := CK_FORK=no ASAN_OPTIONS=detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1
else ifeq ($(CONFIG),tsan)
CFLAGS := -O1 -g -fno-omit-frame-pointer -fsanitize=thread
HARDEN := -fPIE
RUN_ENV := CK_FORK=no TSAN_OPTIONS=halt_on_error=0:second_deadlock_stack=1:suppressions=$(CURDIR)/tests/tsan.supp
# Thread sanitizer of gcc 12 does not start where the kernel randomises addresses widely.
RUN_WRAP := setarch -R
else ifeq ($(CONFIG),fuzz)
CC := clang
CFLAGS := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=undefined
HARDEN := -fPIE
DEP_GROUPS += fuzz
else ifneq ($(filter armhf arm64,$(CONFIG)),)
TRIPLET := $(if $(filter armhf,$(CONFIG)),arm-linux-gnueabihf,aarch64-linux-gnu)
SYSROOT := build/sysroot-$(CONFIG)
CC := $(TRIPLET)-gcc
AR := $(TRIPLET)-ar
CFLAGS := -O2 -g --sysroot=$(SYSROOT)
PKG_CONFIG := PKG_CONFIG_SYSROOT_DIR=$(CURDIR)/$(SYSROOT) \
	PKG_CONFIG_LIBDIR=$(CURDIR)/$(SYSROOT)/usr/lib/$(TRIPLET)/pkgconfig:$(CURDIR)/$(SYSROOT)/usr/share/pkgconfig \
	pkg-config
DEP_GROUPS += $(CONFIG)
RUN_ENV := CK_TIMEOUT_MULTIPLIER=10
RUN_WRAP := qemu-$(if $(filter armhf,$(CONFIG)),arm,aarch64)-static -L $(SYSROOT)
endif

# Asked once, when the first file is compiled: what was missing is installed by then.
ask = $(eval $(1) := $$(shell $$(PKG_CONFIG) $(2)))$($(1))
PKG_CFLAGS = $(call ask,PKG_CFLAGS,--cflags $(PKGS))
PKG_LIBS = $(call ask,PKG_LIBS,--libs $(PKGS))
CHECK_CFLAGS = $(call ask,CHECK_CFLAGS,--cflags check)
CHECK_LIBS = $(call ask,CHECK_LIBS,--libs check)
ALL_CFLAGS = -std=gnu11 $(CPPFLAGS) $(FILE_CFLAGS) $(CFLAGS) $(HARDEN) $(WARN) $(PKG_CFLAGS) -pthread
ALL_LDFLAGS = $(CFLAGS) $(LDFLAGS_HARDEN) $(LDFLAGS) -pthread

# ---- rooms ----

# Everything but the main files is in libraries that tests link too.
BASE_SRC := $(wildcard src/base/*.c)
ROOM_SRC := $(wildcard src/model/*.c src/store/*.c drivers/*.c meters/*.c meters/*/*.c src/bus/*.c \
	src/poll/*.c src/events/*.c src/system/*.c rtu327/*.c smart-json/*.c src/transit/*.c)
SIM_SRC := $(filter-out sim/main.c,$(wildcard sim/*.c))
CTL_SRC := $(wildcard tools/*.c)
UNIT_SRC := $(wildcard tests/unit/check_*.c)
UNIT_HELP := $(filter-out $(UNIT_SRC),$(wildcard tests/unit/*.c))
PLAY_SRC := $(wildcard tests/vectors/*.c)
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
BENCH_SRC := $(wildcard tests/bench/*.c)
PROGRAM_SRC := $(BASE_SRC) $(ROOM_SRC) $(SIM_SRC) $(CTL_SRC) src/main.c sim/main.c
TEST_SRC := $(UNIT_SRC) $(UNIT_HELP) $(PLAY_SRC) $(FUZZ_SRC) $(BENCH_SRC) tests/fuzz/replay.c
HEADERS := $(wildcard src/*/*.h drivers/*.h meters/*.h meters/*/*.h rtu327/*.h smart-json/*.h \
	sim/*.h tools/*.h tests/*/*.h)
ALL_SRC := $(PROGRAM_SRC) $(TEST_SRC)
BYTES_SRC := $(BASE_SRC) $(filter drivers/% meters/% rtu327/codec%,$(ROOM_SRC)) $(wildcard */*_codec.c)
EXISTING_SRC := $(wildcard $(ALL_SRC))

obj = $(patsubst %.c,$(O)/%.o,$(1))
LIB := $(O)/libuspd.a
SIM_LIB := $(O)/libsim.a
PROGRAMS := $(O)/uspdd $(O)/uspdctl $(O)/uspd-sim
UNITS := $(patsubst tests/unit/%.c,$(O)/tests/%,$(UNIT_SRC))
PLAYER := $(O)/tests/play-vectors
FUZZERS := $(patsubst tests/fuzz/%.c,$(O)/tests/%,$(FUZZ_SRC))
BENCHES := $(patsubst tests/bench/%.c,$(O)/tests/%,$(BENCH_SRC))

# ---- build ----

.PHONY: all ready units clean
## build uspdd, uspdctl and uspd-sim into build/release
all: $(PROGRAMS)

ready: $(SYSROOT:%=%/.complete)
	@$(if $(NODEPS),:,scripts/deps.sh $(DEP_GROUPS))
$(SYSROOT:%=%/.complete): scripts/sysroot.sh scripts/deps.sh
	@scripts/deps.sh $(CONFIG); echo "SYSROOT $(@D)"
	$(Q)scripts/sysroot.sh $(CONFIG) $(@D)
	@touch $@

$(call obj,$(BYTES_SRC)): FILE_CFLAGS += $(WARN_BYTES)
$(call obj,$(filter-out $(TIME32_DOORS),$(ALL_SRC))): FILE_CFLAGS += $(TIME64)
$(call obj,$(UNIT_SRC) $(UNIT_HELP)): FILE_CFLAGS += $(CHECK_CFLAGS)
$(O)/%.o: %.c Makefile | ready
	@mkdir -p $(@D); echo "CC $<"
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(LIB): $(call obj,$(BASE_SRC) $(ROOM_SRC))
$(SIM_LIB): $(call obj,$(BASE_SRC) $(SIM_SRC))
$(LIB) $(SIM_LIB):
	@echo "AR $(@:$(O)/%=%)"; rm -f $@
	$(Q)$(AR) rcs $@ $^

$(O)/uspdd: $(O)/src/main.o $(LIB)
$(O)/uspdctl: $(call obj,$(CTL_SRC)) $(LIB)
$(O)/uspd-sim: $(O)/sim/main.o $(SIM_LIB)
$(UNITS): $(O)/tests/%: $(O)/tests/unit/%.o $(call obj,$(UNIT_HELP)) $(LIB) $(SIM_LIB)
$(PLAYER): $(call obj,$(PLAY_SRC)) $(LIB)
$(FUZZERS): $(O)/tests/%: $(O)/tests/fuzz/%.o $(LIB)
$(BENCHES): $(O)/tests/%: $(O)/tests/bench/%.o $(LIB) $(SIM_LIB)
ifeq ($(CONFIG),fuzz)
$(FUZZERS): LDFLAGS += -fsanitize=fuzzer
else
$(FUZZERS): $(O)/tests/fuzz/replay.o
endif
$(UNITS): LIBS_ALSO = $(CHECK_LIBS)
$(PROGRAMS) $(UNITS) $(PLAYER) $(FUZZERS) $(BENCHES):
	@mkdir -p $(@D); echo "LD $(@:$(O)/%=%)"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBS_ALSO) $(PKG_LIBS) -lm

units: $(UNITS) $(if $(PLAY_SRC),$(PLAYER)) $(FUZZERS)

# ---- prove ----

VECTORS ?= tests/vectors
UNIT_RUNS := $(UNITS) $(if $(PLAY_SRC),"$(PLAYER) $(VECTORS)") \
	$(foreach f,$(FUZZ_SRC:tests/fuzz/%.c=%),"$(O)/tests/$(f) $(wildcard tests/fuzz/corpus/$(f:fuzz_%=%)) $(VECTORS)")
INTEGRATION := $(sort $(wildcard tests/integration/[0-9]*.py))
RUN = USPD_BIN=$(O) USPD_CONFIG=$(CONFIG) $(RUN_ENV) tests/run --log $(O)/log
RUN_UNITS = $(if $(RUN_WRAP),--wrap "$(RUN_WRAP)") $(UNIT_RUNS)

.PHONY: deps check check-units check-slow vectors asan tsan cross check-cross fuzz bench demo
## install the Debian packages that building and testing need
deps:
	@scripts/deps.sh build && echo "deps: complete"

## run all quick tests: units, vectors, fuzz corpora, integration
check: all units
	@$(RUN) $(RUN_UNITS) $(INTEGRATION)

# Only the tests without processes; in the present CONFIG.
check-units: units
	@$(RUN) $(RUN_UNITS)

## run the long tests: streets of many meters, crashes, endurance
check-slow: all
	@$(RUN) --jobs 1 --limit 3600 $(sort $(wildcard tests/integration/slow-*.py))

## play recorded exchanges through our codecs (VECTORS=DIR: another folder)
vectors: $(PLAYER)
	$(PLAYER) $(VECTORS)

## build with address and undefined-behaviour sanitizers and run the tests
asan:
	@$(MAKE) CONFIG=asan check

## build with the thread sanitizer and run the tests
tsan:
	@$(MAKE) CONFIG=tsan check

ARCH ?= armhf
## build for ARCH=armhf (default) or arm64, against a sysroot of Debian packages
cross:
	@$(MAKE) CONFIG=$(ARCH) all units

## build for ARCH and run the unit tests under user-mode emulation
check-cross: cross
	@$(MAKE) CONFIG=$(ARCH) check-units

FUZZ_SECONDS ?= 60
## fuzz every decoder for FUZZ_SECONDS=60 each; findings go to build/fuzz/found
fuzz:
	@$(MAKE) CONFIG=fuzz run-fuzzers
.PHONY: run-fuzzers
run-fuzzers: $(FUZZERS)
	@scripts/fuzz.sh $(FUZZ_SECONDS) $(O) $(FUZZERS)

## measure against the budgets of the design
bench: all $(BENCHES)
	@for b in $(BENCHES) $(sort $(wildcard tests/bench/*.py)); do \
		echo "== $$b"; USPD_BIN=$(O) $$b || exit 1; done

## four simulated buses with 60 meters, the daemon, and what a head-end sees
demo: all
	@scripts/demo.sh $(O)

# ---- lint ----

.PHONY: lint layout tidy cppcheck headers arrows shellcheck format
## run all static checks
lint: layout tidy cppcheck headers arrows shellcheck

$(O)/%.tidy: %.c $(HEADERS) .clang-tidy | ready
	@mkdir -p $(@D); echo "TIDY $<"
	$(Q)clang-tidy --quiet $< -- -std=gnu11 $(CPPFLAGS) $(WARN) $(PKG_CFLAGS) $(CHECK_CFLAGS) \
		>$@.log 2>&1 || { cat $@.log; exit 1; }
	@mv $@.log $@
lint layout tidy cppcheck headers arrows shellcheck format: DEP_GROUPS += lint
tidy: $(EXISTING_SRC:%.c=$(O)/%.tidy)
layout: | ready
	@scripts/format $(EXISTING_SRC) $(HEADERS)
cppcheck: | ready
	@echo "CPPCHECK"
	$(Q)cppcheck -q -j$$(nproc) --std=c11 --enable=warning,performance,portability --inline-suppr \
		--suppressions-list=.cppcheck --error-exitcode=1 -I. -D_GNU_SOURCE \
		--include=scripts/cppcheck.h $(EXISTING_SRC)
shellcheck: | ready
	@shellcheck -S warning scripts/*.sh .ci/run

## compile each header alone, twice included, with gcc and clang
headers: | ready
	@for h in $(HEADERS); do for cc in gcc clang; do \
		printf '#include "%s"\n#include "%s"\nextern int alone;\n' $$h $$h | $$cc -std=gnu11 $(CPPFLAGS) $(WARN) -Werror \
			$(PKG_CFLAGS) $(CHECK_CFLAGS) -x c -fsyntax-only - || { echo "$$h does not compile alone"; exit 1; }; \
	done; done; echo "headers: $(words $(HEADERS)) compile alone"

## check that rooms use only what the design allows, by includes and by symbols
arrows: $(call obj,$(filter-out tests/%,$(EXISTING_SRC)))
	@scripts/check-arrows $(O)

## lay out the bodies of functions as clang-format wants them
format: | ready
	@scripts/format --fix $(EXISTING_SRC) $(HEADERS)

# ---- install ----

DESTDIR ?=
prefix ?= /usr/local
sysconfdir ?= $(if $(filter /usr,$(prefix)),/etc,$(prefix)/etc)
to = $(DESTDIR)$(prefix)
.PHONY: install
## install programs, man pages, completion, unit, udev rules and examples (DESTDIR, prefix)
install: all
	install -d $(to)/sbin $(to)/bin $(to)/share/man/man1 $(to)/share/man/man8 $(to)/share/uspd
	install -m 755 $(O)/uspdd $(to)/sbin/uspdd
	install -m 755 $(O)/uspdctl $(O)/uspd-sim $(to)/bin
	install -m 644 $(wildcard docs/*.1) $(to)/share/man/man1
	install -m 644 $(wildcard docs/*.8) $(to)/share/man/man8
	install -D -m 644 rootfs-overlay/usr/share/bash-completion/completions/uspdctl \
		$(to)/share/bash-completion/completions/uspdctl
	cp -R --no-preserve=mode,ownership config/. $(to)/share/uspd
	install -d $(to)/lib/systemd/system $(to)/lib/udev/rules.d $(DESTDIR)$(sysconfdir)/uspd
	sed 's#/usr/sbin#$(prefix)/sbin#; s#/etc/uspd#$(sysconfdir)/uspd#' \
		rootfs-overlay/etc/systemd/system/uspdd.service >$(to)/lib/systemd/system/uspdd.service
	install -m 644 $(addprefix rootfs-overlay/etc/systemd/system/,uspd-nginx.path uspd-nginx.service \
		uspd-update.path) $(to)/lib/systemd/system
	install -m 644 rootfs-overlay/etc/udev/rules.d/60-uspd.rules $(to)/lib/udev/rules.d
	install -D -m 644 rootfs-overlay/usr/lib/sysusers.d/uspd.conf $(to)/lib/sysusers.d/uspd.conf
	test -e $(DESTDIR)$(sysconfdir)/uspd/board.json || \
		install -m 644 config/board-um31.json $(DESTDIR)$(sysconfdir)/uspd/board.json

## remove everything that was built (keep the cross sysroots)
clean:
	rm -rf $(filter-out build/sysroot-%,$(wildcard build/*)) demo-data

.PHONY: help
## show this list
help:
	@awk '/^## / { text = substr($$0, 4) } \
		/^[a-z-]+:/ && text { sub(/:.*/, ""); printf "  make %-12s %s\n", $$0, text; text = "" }' Makefile

-include $(patsubst %.c,$(O)/%.d,$(ALL_SRC))
