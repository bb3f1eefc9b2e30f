# SPDX-License-Identifier: GPL-3.0-or-later
#
# make                 build/zddcfs and build/zddc          make help   every target
# make VARIANT=asan    the same under build/asan/           make B=DIR  another build directory
#
# One file, no recursion. Every variant has the same rules (see "variant" below), so that one run of make can build several.

B       ?= build
VARIANT ?= release
PREFIX  ?= /usr/local
SECTIONS := $(sort $(patsubst .%,%,$(suffix $(wildcard contrib/man/*.[1-8]))))
# mount(8) looks for mount.zddc only here, whatever PREFIX is
MOUNTDIR ?= /usr/sbin
DESTDIR ?=

CC      = gcc
FUZZCC  = clang
MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:

VARIANTS := release debug asan tsan cov fuzz
ifeq ($(filter $(VARIANT),$(VARIANTS)),)
$(error VARIANT=$(VARIANT) is unknown, use one of: $(VARIANTS))
endif

# ---------------------------------------------------------------------------------------------------------- sources, by folder
BASE     := $(wildcard base/*.c)
ACL      := $(wildcard acl/*.c)
SCHEMAS  := $(wildcard schemas/*.c)
LEDGER   := $(wildcard ledger/*.c)
FS       := $(wildcard fs/*.c)
CLI      := $(wildcard cli/*.c)
TESTLIB  := $(wildcard tests/*/lib_*.c)
UNIT     := $(wildcard tests/unit/test_*.c)
RANDOM_T := $(wildcard tests/random/*.c)
BENCH    := $(wildcard tests/bench/bench_*.c)
FUZZ     := $(wildcard tests/fuzz/fuzz_*.c)
HELPERS  := $(wildcard tests/mount/*.c tests/policy/*.c tests/cli/*.c tests/tools/*.c tests/faults/*.c)
GEN      := $(if $(wildcard defaults/defaults.zddc.yaml),gen/defaults.c gen/transient.c) \
            $(if $(wildcard schemas/*.yaml),gen/schemas.c)

LIB      := $(BASE) $(ACL) $(SCHEMAS) $(LEDGER)
TESTS    := $(filter-out $(TESTLIB),$(UNIT) $(RANDOM_T) $(BENCH) $(HELPERS))

# -------------------------------------------------------------------------------------------------------------- flags, libraries
WARN    := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wpointer-arith -Wwrite-strings \
           -Wformat=2
DEFS    := -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DFUSE_USE_VERSION=317 -I.
COMMON  := -std=gnu17 -g -pthread -fno-common -fstack-protector-strong -MMD -MP $(WARN) $(DEFS)

FLAGS_release := -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
FLAGS_debug   := -O0 -g3 -DZDDC_DEBUG
FLAGS_asan    := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
FLAGS_tsan    := -O1 -fno-omit-frame-pointer -fsanitize=thread
FLAGS_cov     := -O0 --coverage
FLAGS_fuzz    := -O1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
LINK_release  := -Wl,--as-needed -Wl,-z,relro,-z,now
LINK_fuzz     := -fsanitize=fuzzer,address,undefined

# one short line per command; `make V=1` shows the command itself
run      = $(if $(V),,@echo "  $(1) $@"; )

# libfuse that `make deps` built, if it had to; libraries are looked up when the first recipe needs them, after `deps` has run
PKG     := PKG_CONFIG_PATH='$(CURDIR)/.deps/fuse/lib/pkgconfig:$(PKG_CONFIG_PATH)' pkg-config
LIBS    := yaml-0.1 libxxhash libcrypto jansson libpcre2-8
once     = $(eval $(1) := $$(or $$(shell $(2)),$$(error a library is missing ($(2)): run "make deps" as root)))$($(1))
CF_LIB   = $(call once,CF_LIB,$(PKG) --cflags $(LIBS) && echo -pthread)
LD_LIB   = $(call once,LD_LIB,$(PKG) --libs $(LIBS))
CF_FUSE  = $(call once,CF_FUSE,$(PKG) --cflags 'fuse3 >= 3.17')
LD_FUSE  = $(call once,LD_FUSE,$(PKG) --static --libs 'fuse3 >= 3.17')
LD_UNIT  = $(call once,LD_UNIT,$(PKG) --libs cmocka)

# ------------------------------------------------------------------------------------------------------------ the rules, by variant
# release lives in $(B) itself, the others in $(B)/VARIANT
out      = $(if $(filter release,$(1)),$(B),$(B)/$(1))
objs     = $(patsubst %.c,$(call out,$(1))/obj/%.o,$(2))
bins     = $(patsubst %.c,$(call out,$(1))/%,$(2))
programs = $(if $(wildcard fs/main.c),$(call out,$(1))/zddcfs) $(if $(wildcard cli/zddc.c),$(call out,$(1))/zddc)
tests    = $(if $(filter fuzz,$(1)),$(call bins,$(1),$(FUZZ)),$(call bins,$(1),$(TESTS)))
cc       = $(if $(filter fuzz,$(1)),$(FUZZCC),$(CC))

define variant
$(call out,$1)/obj/fs/%.o: fs/%.c Makefile
	@mkdir -p $$(@D)
	$$(call run,CC  )$$(call cc,$1) $(COMMON) $(FLAGS_$1) $$(CFLAGS) $$(CF_LIB) $$(CF_FUSE) -c -o $$@ $$<
$(call out,$1)/obj/tests/%.o: tests/%.c Makefile
	@mkdir -p $$(@D)
	$$(call run,CC  )$$(call cc,$1) $(COMMON) $(FLAGS_$1) $$(CFLAGS) $$(CF_LIB) $$(CF_FUSE) -c -o $$@ $$<
$(call out,$1)/obj/gen/%.o: $(B)/gen/%.c Makefile
	@mkdir -p $$(@D)
	$$(call run,CC  )$$(call cc,$1) $(COMMON) $(FLAGS_$1) $$(CFLAGS) -c -o $$@ $$<
$(call out,$1)/obj/%.o: %.c Makefile
	@mkdir -p $$(@D)
	$$(call run,CC  )$$(call cc,$1) $(COMMON) $(FLAGS_$1) $$(CFLAGS) $$(CF_LIB) -c -o $$@ $$<

$(call out,$1)/libzddc.a: $(call objs,$1,$(LIB) $(GEN))
$(call out,$1)/libfs.a: $(call objs,$1,$(filter-out fs/main.c,$(FS)))
$(call out,$1)/libtest.a: $(call objs,$1,$(TESTLIB))
$(call out,$1)/%.a:
	@mkdir -p $$(@D)
	@rm -f $$@
	$$(call run,AR  )ar rcs $$@ $$^

$(call out,$1)/zddcfs: $(call objs,$1,$(FS)) $(call out,$1)/libzddc.a
	$$(call run,LINK)$$(call cc,$1) -pthread $(FLAGS_$1) $(LINK_$1) $$(LDFLAGS) -o $$@ $$^ $$(LD_FUSE) $$(LD_LIB)
$(call out,$1)/zddc: $(call objs,$1,$(CLI)) $(call out,$1)/libzddc.a
	$$(call run,LINK)$$(call cc,$1) -pthread $(FLAGS_$1) $(LINK_$1) $$(LDFLAGS) -o $$@ $$^ $$(LD_LIB)
# a test of a part of the mount, tests/unit/test_fs_*.c, gets that too
$(call out,$1)/tests/unit/test_fs_%: $(call out,$1)/obj/tests/unit/test_fs_%.o $(call out,$1)/libtest.a $(call out,$1)/libfs.a \
  $(call out,$1)/libzddc.a
	@mkdir -p $$(@D)
	$$(call run,LINK)$$(call cc,$1) -pthread $(FLAGS_$1) $(LINK_$1) $$(LDFLAGS) -o $$@ $$^ $$(LD_FUSE) $$(LD_UNIT) $$(LD_LIB)
$(call out,$1)/tests/%: $(call out,$1)/obj/tests/%.o $(call out,$1)/libtest.a $(call out,$1)/libzddc.a
	@mkdir -p $$(@D)
	$$(call run,LINK)$$(call cc,$1) -pthread $(FLAGS_$1) $(LINK_$1) $$(LDFLAGS) -o $$@ $$^ $$(LD_UNIT) $$(LD_LIB)
endef

.DEFAULT_GOAL := all
.SECONDARY:
$(foreach v,$(VARIANTS),$(eval $(call variant,$(v))))

OUT := $(call out,$(VARIANT))
-include $(foreach v,$(VARIANTS),$(patsubst %.o,%.d,$(call objs,$(v),$(LIB) $(GEN) $(FS) $(CLI) $(TESTLIB) $(TESTS) $(FUZZ))))

# ------------------------------------------------------------------------------------------------------------------- generated text
$(B)/gen/defaults.c: defaults/defaults.zddc.yaml defaults/embed.sh
	@mkdir -p $(@D)
	$(call run,GEN )sh defaults/embed.sh defaults/defaults.h defaults/defaults.zddc.yaml > $@
$(B)/gen/transient.c: defaults/defaults.zddc.yaml defaults/list.sh
	@mkdir -p $(@D)
	$(call run,GEN )sh defaults/list.sh defaults/defaults.zddc.yaml transient > $@
$(B)/gen/schemas.c: $(wildcard schemas/default-*.yaml) defaults/embed.sh
	@mkdir -p $(@D)
	$(call run,GEN )sh defaults/embed.sh $(wildcard schemas/embedded.h) $(wildcard schemas/default-*.yaml) > $@

# --------------------------------------------------------------------------------------------------------------------------- targets
.PHONY: all lib programs tests deps check check-unit check-policy check-random check-mount check-cli check-tools check-fuzz check-faults \
        check-layers fuzz bench bench-quick bench-decide bench-rollup demo demo-stop install clean help

all: programs
programs: $(call programs,$(VARIANT))
# every object, also while there is no program to link yet
lib: $(OUT)/libzddc.a $(OUT)/libfs.a $(call objs,$(VARIANT),$(FS) $(CLI))
tests: $(call programs,$(VARIANT)) $(call tests,$(VARIANT))
fuzz: $(call tests,fuzz)

deps:
	sh contrib/deps.sh

# `make check` and `make demo` alone do everything on a fresh machine: install first, then compile
ifneq ($(filter check demo,$(MAKECMDGOALS)),)
$(foreach v,$(VARIANTS),$(call objs,$(v),$(LIB) $(GEN) $(FS) $(CLI) $(TESTLIB) $(TESTS) $(FUZZ))): | deps
endif

RUN := B='$(B)' VARIANT='$(VARIANT)' tests/run.sh
CHECKED := release asan tsan

check: deps $(foreach v,$(CHECKED),$(call programs,$(v)) $(call tests,$(v))) $(call tests,fuzz)
	@B='$(B)' tests/run.sh
check-fuzz: fuzz
	@$(RUN) fuzz
check-layers:
	@$(RUN) layers
suite = $(filter $(OUT)/tests/$(1)/%,$(call tests,$(VARIANT)))
# what a suite needs and no more, so that one broken part does not stop the tests of another
.SECONDEXPANSION:
check-unit check-random: check-%: $$(call suite,$$*)
	@$(RUN) $*
check-policy check-mount check-cli check-tools check-faults: check-%: programs $$(call suite,$$*)
	@$(RUN) $*

# with the packages that it compares with, if they can be had; it works without them and says what is missing
BENCH_PACKAGES := bindfs fio g++
bench bench-quick: programs $$(call suite,bench)
	@dpkg-query -W -f '' $(BENCH_PACKAGES) 2> /dev/null || apt-get -q -y --no-install-recommends install $(BENCH_PACKAGES) > $(B)/bench-install.log 2>&1 || true
	@B='$(B)' VARIANT='$(VARIANT)' tests/bench/bench.py $(if $(filter bench-quick,$@),--quick) '$(OUT)'
bench-decide: $(OUT)/tests/bench/bench_decide
	$(OUT)/tests/bench/bench_decide
bench-rollup: programs
	@B='$(B)' OUT='$(OUT)' tests/bench/rollup.py

demo: deps programs
	@B='$(B)' sh contrib/demo.sh
demo-stop:
	@B='$(B)' sh contrib/demo.sh --stop

# SHARE: examples and presets, read by people
SHARE   := $(PREFIX)/share/zddcfs
UNITDIR ?= $(PREFIX)/lib/systemd/system

install: programs
	install -d '$(DESTDIR)$(PREFIX)/bin' '$(DESTDIR)$(MOUNTDIR)' '$(DESTDIR)$(UNITDIR)'
	install -m 755 $(OUT)/zddcfs $(OUT)/zddc '$(DESTDIR)$(PREFIX)/bin/'
	ln -sf '$(PREFIX)/bin/zddcfs' '$(DESTDIR)$(MOUNTDIR)/mount.zddc'
	install -d $(foreach n,$(SECTIONS),'$(DESTDIR)$(PREFIX)/share/man/man$(n)')
	$(foreach n,$(SECTIONS),install -m 644 $(wildcard contrib/man/*.$(n)) '$(DESTDIR)$(PREFIX)/share/man/man$(n)/' &&) true
	install -D -m 644 contrib/completions/zddc.bash '$(DESTDIR)$(PREFIX)/share/bash-completion/completions/zddc'
	install -D -m 644 contrib/completions/_zddc '$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_zddc'
	install -D -m 644 contrib/completions/zddc.fish '$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/zddc.fish'
	sed 's|/usr/bin/zddcfs|$(PREFIX)/bin/zddcfs|' contrib/systemd/zddcfs@.service > '$(DESTDIR)$(UNITDIR)/zddcfs@.service'
	install -D -m 644 contrib/systemd/zddcfs.tmpfiles '$(DESTDIR)$(PREFIX)/lib/tmpfiles.d/zddcfs.conf'
	install -d '$(DESTDIR)$(SHARE)/systemd' '$(DESTDIR)$(SHARE)/samba' '$(DESTDIR)$(SHARE)/presets'
	install -m 644 contrib/systemd/mnt-archive.* contrib/systemd/fstab.example '$(DESTDIR)$(SHARE)/systemd/'
	install -m 644 contrib/samba/zddc.conf '$(DESTDIR)$(SHARE)/samba/'
	$(OUT)/zddc show-schema --json > '$(DESTDIR)$(SHARE)/zddc.schema.json'
	$(if $(wildcard contrib/presets),cp -r contrib/presets/. '$(DESTDIR)$(SHARE)/presets/')

# .deps (the libfuse that `make deps` built) stays: delete it by hand to build it again
clean:
	rm -rf '$(B)'

help:
	@echo 'make [VARIANT=release|debug|asan|tsan|cov] [B=DIR]   build zddcfs and zddc'
	@echo 'make deps           install what the build and the tests need (root, Debian 12 or 13)'
	@echo 'make check          deps, build, every test; last line: N passed, N failed'
	@echo 'make check-SUITE    one of: unit policy random mount cli tools fuzz faults layers'
	@echo 'make fuzz           build the fuzzers under $(B)/fuzz/tests/fuzz'
	@echo 'make bench          side by side with ext4, bindfs and passthroughs (root, 15 minutes): $(B)/bench.html, bench.json'
	@echo 'make bench-quick    the same, small (2 minutes);  make bench-decide, bench-rollup: of a decision, of a table'
	@echo 'make demo           a sample archive, mounted and walked through;  make demo-stop ends it'
	@echo 'make install        DESTDIR= PREFIX=$(PREFIX)'
	@echo 'make clean          remove $(B)'
