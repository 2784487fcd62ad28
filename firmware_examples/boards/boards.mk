# Station and self-test for three boards, run on QEMU, and the station as a program for this machine.
# Included by the Makefile of an exported firmware, which says where the parts are:
#   CORE_SOURCES  the model and its kernels      CORE_INCLUDES  -I for them
#   STATION       the folder station/            BOARDS         the folder boards/
#   GOLDEN        -I for golden.h, and golden.c
#
# make m3 m4 m7          build/m3-station.elf, build/m3-selftest.elf, ...
# make selftest-m3       run the self-test on an emulated board
# make run-m3            the station on an emulated board, its serial line on stdin and stdout
# make station           build/station, the same on this machine
CROSS ?= arm-none-eabi-
QEMU ?= qemu-system-arm
BUILD ?= build
OPTIMISE ?= -O2

BOARD_CPU_m3 := cortex-m3
BOARD_CPU_m4 := cortex-m4
BOARD_CPU_m7 := cortex-m7
BOARD_QEMU_m3 := mps2-an385
BOARD_QEMU_m4 := mps2-an386
BOARD_QEMU_m7 := mps2-an500

BOARD_FLAGS := -std=c99 -Wall -Wextra -Wconversion -Werror -mthumb -mfloat-abi=soft \
  -ffunction-sections -fdata-sections -g
BOARD_LINK := -T$(BOARDS)/mps2.ld -nostartfiles -specs=nano.specs -Wl,--gc-sections
BOARD_COMMON := $(BOARDS)/startup.c $(BOARDS)/mps2.c
BOARD_STATION := $(BOARD_COMMON) $(BOARDS)/main.c $(addprefix $(STATION)/,frame.c message.c station.c)
BOARD_SELFTEST := $(BOARD_COMMON) $(BOARDS)/selftest.c
BOARD_HEADERS := $(wildcard $(BOARDS)/*.h $(STATION)/*.h $(BOARDS)/*.ld)

# Not -nographic: that puts QEMU's console on the same line, and byte 1 would be a command to it.
BOARD_RUN := $(QEMU) -display none -monitor none -serial stdio -semihosting-config enable=on,target=native

define board
.PHONY: $(1) run-$(1) selftest-$(1)
$(1): $(BUILD)/$(1)-station.elf $(BUILD)/$(1)-selftest.elf

$(BUILD)/$(1)-station.elf: $(BOARD_STATION) $(CORE_SOURCES) $(BOARD_HEADERS)
	@mkdir -p $(BUILD)
	$(CROSS)gcc $(BOARD_FLAGS) $(OPTIMISE) -mcpu=$(BOARD_CPU_$(1)) $(CORE_INCLUDES) -I$(STATION) -I$(BOARDS) \
	  $(BOARD_STATION) $(CORE_SOURCES) $(BOARD_LINK) -Wl,-Map=$$@.map -lm -o $$@
	$(CROSS)size $$@

$(BUILD)/$(1)-selftest.elf: $(BOARD_SELFTEST) $(CORE_SOURCES) $(BOARD_HEADERS)
	@mkdir -p $(BUILD)
	$(CROSS)gcc $(BOARD_FLAGS) $(OPTIMISE) -mcpu=$(BOARD_CPU_$(1)) $(CORE_INCLUDES) $(GOLDEN) -I$(STATION) -I$(BOARDS) \
	  $(BOARD_SELFTEST) $(CORE_SOURCES) $(BOARD_LINK) -lm -o $$@

run-$(1): $(BUILD)/$(1)-station.elf
	@$(BOARD_RUN) -machine $(BOARD_QEMU_$(1)) -kernel $$<

selftest-$(1): $(BUILD)/$(1)-selftest.elf
	@$(BOARD_RUN) -machine $(BOARD_QEMU_$(1)) -kernel $$<
endef

$(foreach name,m3 m4 m7,$(eval $(call board,$(name))))

.PHONY: station
station: $(BUILD)/station

BOARD_HOST := $(addprefix $(STATION)/,frame.c message.c station.c port_host.c)

$(BUILD)/station: $(BOARD_HOST) $(CORE_SOURCES) $(BOARD_HEADERS)
	@mkdir -p $(BUILD)
	$(CC) -std=c99 -Wall -Wextra -Wconversion -Werror $(OPTIMISE) $(CORE_INCLUDES) -I$(STATION) \
	  $(BOARD_HOST) $(CORE_SOURCES) -lm -o $@
