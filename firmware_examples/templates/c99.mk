# make host        build/wm_host: self-test and speed on this machine
# make test        run the self-test: every golden wafer, byte for byte
# make m3 m4 m7    firmware for boards, where boards/boards.mk is there
CC ?= cc
CFLAGS ?= -O3
BUILD ?= build

STATION := station
BOARDS := boards
CORE_INCLUDES := -I. -Ic99
CORE_SOURCES := @SOURCES@
# The folder of golden.h, and what it declares.
GOLDEN := -I. golden.c

HOST_FLAGS := -std=c99 -Wall -Wextra -Wconversion -Werror
HOST_SOURCES := host/wm_host.c host/golden_test.c golden.c $(CORE_SOURCES)
HEADERS := $(wildcard *.h c99/*.h host/*.h)

.PHONY: host test clean
host: $(BUILD)/wm_host

$(BUILD)/wm_host: $(HOST_SOURCES) $(HEADERS)
	@mkdir -p $(BUILD)
	$(CC) $(HOST_FLAGS) $(CFLAGS) $(CORE_INCLUDES) -Ihost $(HOST_SOURCES) -lm -o $@

test: host
	$(BUILD)/wm_host

clean:
	rm -rf $(BUILD)

-include $(BOARDS)/boards.mk
