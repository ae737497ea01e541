# openuspd: one makefile, no recursion, no configure step.  `make help` lists the targets.
#
# Objects go to build/$(CONFIG)/; CONFIG is release (default), asan, tsan, fuzz, armhf, arm64.
# V=1 shows whole commands, WERROR=1 makes warnings errors (CI does).

CONFIG ?= release
O := build/$(CONFIG)
PKGS := sqlite3 libevent libevent_pthreads jansson libcurl libsystemd
PKG_CONFIG ?= pkg-config
CC ?= gcc

CPPFLAGS += -I. -D_GNU_SOURCE
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wvla -Wmissing-prototypes -Wstrict-prototypes \
	-Wformat=2 -Wundef -Wno-missing-field-initializers
# Bytes are where silent conversions hurt.
WARN_BYTES := -Wconversion
HARDEN := -fstack-protector-strong -fPIE -D_FORTIFY_SOURCE=2
CFLAGS ?= -O2 -g
LDFLAGS_HARDEN := -pie -Wl,-z,relro,-z,now
ifeq ($(CONFIG),asan)
CFLAGS := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
HARDEN := -fPIE
endif
ifeq ($(CONFIG),tsan)
CFLAGS := -O1 -g -fno-omit-frame-pointer -fsanitize=thread
HARDEN := -fPIE
endif
ifeq ($(WERROR),1)
WARN += -Werror
endif
Q := $(if $(V),,@)

PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PKGS) 2>/dev/null)
PKG_LIBS := $(shell $(PKG_CONFIG) --libs $(PKGS) 2>/dev/null)
CHECK_CFLAGS := $(shell $(PKG_CONFIG) --cflags check 2>/dev/null)
CHECK_LIBS := $(shell $(PKG_CONFIG) --libs check 2>/dev/null)
ALL_CFLAGS = -std=gnu11 $(CPPFLAGS) $(CFLAGS) $(HARDEN) $(WARN) $(PKG_CFLAGS) -pthread
ALL_LDFLAGS = $(CFLAGS) $(LDFLAGS_HARDEN) $(LDFLAGS) -pthread

# Rooms.  Everything but the three programs' main files is in libraries that tests link too.
BASE_SRC := $(wildcard src/base/*.c)
ROOM_SRC := $(wildcard src/model/*.c src/store/*.c drivers/*.c meters/*.c meters/*/*.c src/bus/*.c \
	src/poll/*.c src/events/*.c src/system/*.c rtu327/*.c smart-json/*.c src/transit/*.c)
SIM_SRC := $(filter-out sim/main.c,$(wildcard sim/*.c))
CTL_SRC := $(wildcard tools/*.c)
UNIT_SRC := $(wildcard tests/unit/check_*.c)
UNIT_HELP := $(filter-out $(UNIT_SRC),$(wildcard tests/unit/*.c))
PLAY_SRC := $(wildcard tests/vectors/*.c)

obj = $(patsubst %.c,$(O)/%.o,$(1))
LIB := $(O)/libuspd.a
SIM_LIB := $(O)/libsim.a
PROGRAMS := $(O)/uspdd $(O)/uspdctl $(O)/uspd-sim
UNITS := $(patsubst tests/unit/%.c,$(O)/tests/%,$(UNIT_SRC))
PLAYER := $(O)/tests/play-vectors
ALL_OBJ := $(call obj,$(BASE_SRC) $(ROOM_SRC) $(SIM_SRC) $(CTL_SRC) $(UNIT_SRC) $(UNIT_HELP) $(PLAY_SRC) src/main.c sim/main.c)

.PHONY: all clean units vectors
all: $(PROGRAMS)
units: $(UNITS) $(PLAYER)

$(LIB): $(call obj,$(BASE_SRC) $(ROOM_SRC))
$(SIM_LIB): $(call obj,$(BASE_SRC) $(SIM_SRC))
$(LIB) $(SIM_LIB):
	@echo "AR $(@:$(O)/%=%)"; rm -f $@
	$(Q)$(AR) rcs $@ $^

$(O)/uspdd: $(O)/src/main.o $(LIB)
$(O)/uspdctl: $(call obj,$(CTL_SRC)) $(LIB)
$(O)/uspd-sim: $(O)/sim/main.o $(SIM_LIB)
$(PROGRAMS):
	@echo "LD $(@:$(O)/%=%)"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS) -lm

$(O)/tests/check_%: $(O)/tests/unit/check_%.o $(call obj,$(UNIT_HELP)) $(LIB) $(SIM_LIB)
	@mkdir -p $(@D); echo "LD $(@:$(O)/%=%)"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(CHECK_LIBS) $(PKG_LIBS) -lm
$(PLAYER): $(call obj,$(PLAY_SRC)) $(LIB)
	@mkdir -p $(@D); echo "LD $(@:$(O)/%=%)"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS) -lm

$(call obj,$(BASE_SRC) $(wildcard meters/*.c meters/*/*.c rtu327/codec*.c drivers/*.c)): ALL_CFLAGS += $(WARN_BYTES)
$(call obj,$(UNIT_SRC) $(UNIT_HELP)): ALL_CFLAGS += $(CHECK_CFLAGS)
$(O)/%.o: %.c
	@mkdir -p $(@D); echo "CC $<"
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

VECTORS ?= tests/vectors
vectors: $(PLAYER)
	$(PLAYER) $(VECTORS)

clean:
	rm -rf build

-include $(ALL_OBJ:.o=.d)
