# make            builds all programs into build/
# make demo       installs what is missing, builds, deploys a three-node service on a local Mesos
# make test       installs what is missing, builds, runs all tests
# make help       lists the other targets
#
# Variables: CC, BUILD (output folder), SAN=address,undefined (sanitizers), WERROR= (warnings stay
# warnings), V=1 (show commands), PREFIX, DESTDIR.

.SUFFIXES:
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-builtin-variables

CC := gcc
AR := ar
INSTALL := install
PREFIX := /usr/local
DESTDIR :=
SAN :=
WERROR := -Werror
BUILD := build$(if $(SAN),-san)
VERSION := 0.1.0
Q := $(if $(V),,@)
say = @printf '  %-7s %s\n' '$(1)' '$(2)'

# ---- packages -----------------------------------------------------------------------------------

# What each command below installs when it is missing; `make deps` installs all of it.
DEPS_BUILD := gcc make pkg-config libc6-dev libcurl4-openssl-dev libjansson-dev libyaml-dev \
	libzookeeper-mt-dev libprotobuf-c-dev protobuf-c-compiler libmicrohttpd-dev libpcre2-dev \
	uuid-dev
DEPS_DEMO := curl jq
DEPS_TEST := bats curl debhelper jq mandoc procps prometheus python3 zookeeper zsh fish
DEPS_LINT := clang-format git mandoc shellcheck
DEPS_FUZZ := clang libclang-rt-dev

# ---- flags --------------------------------------------------------------------------------------

PKGS := jansson yaml-0.1 libprotobuf-c libpcre2-8 uuid libcurl libmicrohttpd
pkg_cflags := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)

WARN := -Wall -Wextra -Wshadow -Wpointer-arith -Wwrite-strings -Wstrict-prototypes \
	-Wmissing-prototypes -Wold-style-definition -Wvla -Wformat=2 -Wundef \
	-Wimplicit-fallthrough -Wno-missing-field-initializers \
	$(if $(SAN),$(if $(findstring clang,$(CC)),,-Wno-format-truncation)) $(WERROR)
HARDEN := -fstack-protector-strong -fPIE -ffunction-sections -fdata-sections \
	$(if $(SAN),,-D_FORTIFY_SOURCE=2 -fstack-clash-protection)
OPT := $(if $(SAN),-O1 -fno-omit-frame-pointer,-O2)
CFLAGS := $(OPT) -g
base_cflags = -std=c17 -D_POSIX_C_SOURCE=200809L -DTHREADED -DDSE_VERSION='"$(VERSION)"' \
	-Ilib -I$(BUILD)/gen $(pkg_cflags) $(HARDEN) $(if $(SAN),-fsanitize=$(SAN) \
	-fno-sanitize-recover=all)
base_ldflags = -pie -Wl,--as-needed -Wl,--gc-sections -Wl,-z,relro -Wl,-z,now \
	$(if $(SAN),-fsanitize=$(SAN))

# ---- library: one archive a floor; each floor uses only those left of it -----------------------

LAYERS := base proto spec state plan offer cycle mesos http
LIBS_base := -ljansson -luuid
LIBS_proto := -lprotobuf-c
LIBS_spec := -lyaml -lpcre2-8
LIBS_state := -lzookeeper_mt
LIBS_mesos := -lcurl -lzookeeper_mt
LIBS_http := -lmicrohttpd

# ---- programs: the floors each one links; dse-x is cmd/dse-x.c or cmd/dse-x/*.c -----------------

PROGRAMS := dse-render dse-plan dse-offers dse-uninstall dse-pod dse-state dse-mesos dse-http \
	dse-bootstrap dse-local dse-node-standin
FLOORS_dse-render := base proto spec
FLOORS_dse-plan := base proto spec state plan
FLOORS_dse-offers := base proto spec state plan offer cycle mesos
FLOORS_dse-uninstall := base proto spec state plan offer cycle mesos
FLOORS_dse-pod := base proto spec state plan
FLOORS_dse-state := base proto spec state plan
FLOORS_dse-mesos := base proto mesos
FLOORS_dse-http := base proto spec state plan offer http
FLOORS_dse-bootstrap := base proto spec
FLOORS_dse-local := base proto
FLOORS_dse-node-standin := base
# Runs in containers, which need no more than a libc then.
LIBS_dse-bootstrap := -l:libjansson.a
LIBS_dse-local := -lcurl
# Runs for milliseconds: half of them went into finding and relocating shared libraries.
LIBS_dse-render := $(if $(SAN)$(SHARED),,-l:libjansson.a -l:libyaml.a -l:libpcre2-8.a)
SCRIPTS := dse-scheduler

# A program without sources yet is left out.
sources_of = $(wildcard cmd/$(1).c cmd/$(1)/*.c)
BUILT := $(foreach p,$(PROGRAMS),$(if $(call sources_of,$(p)),$(p)))

PROTOS := $(wildcard proto/*.proto)
GEN_H := $(PROTOS:proto/%.proto=$(BUILD)/gen/proto/%.pb-c.h)
GEN_C := $(PROTOS:proto/%.proto=$(BUILD)/gen/proto/%.pb-c.c)
GEN_O := $(GEN_C:.c=.o)

layer_objs = $(patsubst %.c,$(BUILD)/%.o,$(wildcard lib/$(1)/*.c)) $(if $(filter proto,$(1)),$(GEN_O))
layer_lib = $(BUILD)/lib/lib$(1).a
reverse = $(if $(1),$(call reverse,$(wordlist 2,$(words $(1)),$(1))) $(firstword $(1)))

PAGES := $(patsubst doc/%.md,$(BUILD)/man/dse-%.5,$(wildcard doc/*.md))

.PHONY: all
all: $(BUILT:%=$(BUILD)/bin/%) $(patsubst %,$(BUILD)/bin/%,$(wildcard $(SCRIPTS:%=cmd/%)) ) $(PAGES) share
	@:

# cmd/dse-scheduler is a script: it is copied beside the programs.
$(BUILD)/bin/cmd/%: cmd/%
	@mkdir -p $(BUILD)/bin
	$(Q)$(INSTALL) -m 755 $< $(BUILD)/bin/$*
	@mkdir -p $(@D) && touch $@

# ---- rules --------------------------------------------------------------------------------------

# Objects depend on the flags they were built with.
FLAGS_STAMP := $(BUILD)/flags
flags_now := $(CC) $(CFLAGS) $(WARN) $(base_cflags)
$(FLAGS_STAMP): FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(flags_now))' | cmp -s - $@ || \
		printf '%s\n' '$(subst ','\'',$(flags_now))' >$@
.PHONY: FORCE

.SECONDARY: $(GEN_H) $(GEN_C)
# Strings of messages are const: they point into arenas, literals and static defaults alike.
$(BUILD)/gen/proto/%.pb-c.c $(BUILD)/gen/proto/%.pb-c.h &: proto/%.proto
	@mkdir -p $(BUILD)/gen/proto
	$(call say,PROTO,$<)
	$(Q)protoc-c --c_out=$(BUILD)/gen/proto -Iproto $<
	$(Q)sed -i -e 's,#include "\([a-z]*\)\.pb-c\.h",#include "proto/\1.pb-c.h",' \
		-e 's,^\(  *\)char \*,\1const char *,' \
		$(BUILD)/gen/proto/$*.pb-c.h $(BUILD)/gen/proto/$*.pb-c.c

$(GEN_O): %.o: %.c $(FLAGS_STAMP) | $(GEN_H)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS) $(base_cflags) -w -MMD -MP -c -o $@ $<

$(BUILD)/%.o: %.c $(FLAGS_STAMP) | $(GEN_H)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS) $(WARN) $(base_cflags) -MMD -MP -c -o $@ $<

define layer_rule
$(call layer_lib,$(1)): $(call layer_objs,$(1))
	@mkdir -p $$(@D)
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && $(AR) rcs $$@ $$^
endef
$(foreach l,$(LAYERS),$(eval $(call layer_rule,$(l))))

libs_of = $(foreach l,$(call reverse,$(1)),$(call layer_lib,$(l))) 
extern_of = $(foreach l,$(call reverse,$(1)),$(LIBS_$(l)))
define program_rule
$(BUILD)/bin/$(1): $(patsubst %.c,$(BUILD)/%.o,$(call sources_of,$(1))) $(call libs_of,$(FLOORS_$(1)))
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $$(CFLAGS) $$(base_ldflags) -o $$@ $$^ $(LIBS_$(1)) $(call extern_of,$(FLOORS_$(1))) -lm
endef
$(foreach p,$(BUILT),$(eval $(call program_rule,$(p))))

# ---- what the tasks of the package fetch (doc/package.md) ---------------------------------------

PACKAGE := universe/datastax-dse
NODE_SCRIPTS := $(wildcard $(PACKAGE)/scripts/*)
SHARE := $(BUILD)/share
TAR := tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -I 'gzip -n'
ARCHIVES := $(if $(filter dse-bootstrap,$(BUILT)),$(SHARE)/bootstrap.tar.gz) \
	$(if $(filter dse-node-standin,$(BUILT)),$(SHARE)/datastax-scripts.tar.gz \
	$(SHARE)/opscenter-scripts.tar.gz)

$(SHARE)/bootstrap.tar.gz: $(BUILD)/bin/dse-bootstrap
	@mkdir -p $(@D)
	$(call say,TAR,$@)
	$(Q)$(TAR) --transform='s,^dse-,,' -cf $@ -C $(BUILD)/bin dse-bootstrap

$(SHARE)/datastax-scripts.tar.gz: $(BUILD)/bin/dse-node-standin $(NODE_SCRIPTS)
	@mkdir -p $(@D)
	$(call say,TAR,$@)
	$(Q)$(TAR) -cf $@ -C $(BUILD)/bin dse-node-standin -C '$(CURDIR)/$(PACKAGE)/scripts' \
		$(notdir $(NODE_SCRIPTS))

OPSCENTER_SCRIPTS := $(wildcard universe/datastax-ops/scripts/*)
$(SHARE)/opscenter-scripts.tar.gz: $(BUILD)/bin/dse-node-standin $(OPSCENTER_SCRIPTS) $(PACKAGE)/scripts/node-env
	@mkdir -p $(@D)
	$(call say,TAR,$@)
	$(Q)$(TAR) -cf $@ -C $(BUILD)/bin dse-node-standin -C '$(CURDIR)/$(PACKAGE)/scripts' node-env \
		-C '$(CURDIR)/universe/datastax-ops/scripts' $(notdir $(OPSCENTER_SCRIPTS))

# What a scheduler on this machine adds to the app's environment.
blank := $() $()
share_at = $(subst $(blank),%20,$(if $(filter /%,$(SHARE)),,$(CURDIR)/)$(SHARE))
$(SHARE)/local.env: Makefile
	@mkdir -p $(@D)
	@printf '%s\n' 'BOOTSTRAP_URI=file://$(share_at)/bootstrap.tar.gz' \
		'DATASTAX_SCRIPTS_URI=file://$(share_at)/datastax-scripts.tar.gz' \
		'INIT_CLUSTER_URI=file://$(share_at)/opscenter-scripts.tar.gz' \
		TASKCFG_ALL_BOOTSTRAP_FLAGS=-resolve=false READINESS_CHECK_DELAY=0 \
		READINESS_CHECK_INTERVAL=1 >$@

# The archive that the Marathon app fetches: programs, manuals, packages, and the libraries, which its
# programs find beside themselves wherever it is unpacked.
RELOCATABLE := $(BUILD)/relocatable
define relocatable_rule
$(RELOCATABLE)/$(1): $(BUILD)/bin/$(1)
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $$(CFLAGS) $$(base_ldflags) -s -Wl,--disable-new-dtags,-rpath,'$$$$ORIGIN/../lib' -o $$@ \
		$(patsubst %.c,$(BUILD)/%.o,$(call sources_of,$(1))) $(call libs_of,$(FLOORS_$(1))) \
		$(LIBS_$(1)) $(call extern_of,$(FLOORS_$(1))) -lm
endef
$(foreach p,$(BUILT),$(eval $(call relocatable_rule,$(p))))

TOOLKIT_FILES = $(PAGES) $(shell find universe man completions -type f)
$(SHARE)/dse-toolkit.tar.gz: $(BUILT:%=$(RELOCATABLE)/%) $(SCRIPTS:%=$(BUILD)/bin/cmd/%) $(ARCHIVES) \
		$(TOOLKIT_FILES) tools/archive tools/install-files
	$(call say,TAR,$@)
	$(Q)tools/archive '$(BUILD)' $(RELOCATABLE).stage $(BUILT) $(SCRIPTS)
	$(Q)$(TAR) -cf $@ -C $(RELOCATABLE).stage/out dse-toolkit && rm -rf $(RELOCATABLE).stage

# ---- manuals of section 5: the pages of doc/ ----------------------------------------------------

$(PAGES): $(BUILD)/man/dse-%.5: doc/%.md tools/md2mdoc
	@mkdir -p $(@D)
	$(call say,MAN,$@)
	$(Q)tools/md2mdoc $< >$@

.PHONY: share toolkit
share: $(ARCHIVES) $(SHARE)/local.env
toolkit: $(SHARE)/dse-toolkit.tar.gz ## build the archive that the package's Marathon app fetches

# ---- unit tests, fuzzers, benchmarks: one file one program, linked with all floors --------------

UNIT := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/*.c))
TOOLS := $(patsubst tests/tools/%.c,$(BUILD)/tools/%,$(wildcard tests/tools/*.c))
BENCH := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(wildcard tests/bench/*.c))
all_libs := $(call libs_of,$(LAYERS))
all_extern := $(call extern_of,$(LAYERS)) -lm

$(UNIT) $(TOOLS) $(BENCH): $(BUILD)/%: $(BUILD)/tests/%.o $(all_libs)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(base_ldflags) -o $@ $^ $(all_extern)

FUZZ := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/*.c))
$(FUZZ): $(BUILD)/%: $(BUILD)/tests/%.o $(all_libs)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(base_ldflags) -fsanitize=fuzzer -o $@ $^ $(all_extern)

# ---- what people call ---------------------------------------------------------------------------

.PHONY: deps deps-build demo test check help clean install unit tools bench fuzz
deps: ## install the missing packages (root or sudo), saying which
	@tools/deps $(sort $(DEPS_BUILD) $(DEPS_DEMO) $(DEPS_TEST) $(DEPS_LINT) $(DEPS_FUZZ))

# `make demo` and `make test` start with the packages, then call make anew so that pkg-config is asked
# after they are there; with all processors, unless the caller gave a -j.
anew = $(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
demo: ## deploy a three-node service on a local Mesos (KEEP=1 leaves it running)
	@tools/deps $(DEPS_BUILD) $(DEPS_DEMO)
	@$(anew) all
	@tools/demo $(BUILD)

test: ## all tests
	@tools/deps $(DEPS_BUILD) $(DEPS_TEST)
	@$(anew) all unit tools toolkit
	@tests/run $(BUILD)

check: all unit tools toolkit ## all tests, packages being there
	@tests/run $(BUILD)

unit: $(UNIT) ## build the unit tests
tools: $(TOOLS) ## build the helpers of the tests
bench: all ## benchmarks: ratios beside a floor measured in the same run
	@$(MAKE) --no-print-directory $(BENCH)
	@tests/bench/run $(BUILD)
fuzz: ## build the fuzzers: make fuzz CC=clang SAN=address,undefined,fuzzer-no-link
	@tools/deps $(DEPS_BUILD) $(DEPS_FUZZ)
	@$(MAKE) --no-print-directory $(FUZZ)

.PHONY: golden-update
golden-update: all unit tools ## write the reviewed answers of the tests anew, for review with git diff
	@UPDATE_GOLDEN=1 tests/run $(BUILD) 'golden\|dse-offers\|package-op'

.PHONY: lint
lint: ## format, layers, headers, manuals, scripts
	@tools/lint $(BUILD) '$(CC)' '$(base_cflags)'

install: all ## install programs and manuals (PREFIX, DESTDIR)
	@PREFIX='$(PREFIX)' tools/install-files '$(BUILD)' '$(DESTDIR)$(PREFIX)' '$(INSTALL)' $(BUILT) $(SCRIPTS)

clean: ## remove build folders
	rm -rf build build-*

help:
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r t h; do \
		printf '  make %-13s %s\n' "$$t" "$$h"; done

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
