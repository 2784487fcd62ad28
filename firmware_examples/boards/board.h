/* What both firmwares of these boards, the station and its self-test, build on. */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

#define BOARD_CLOCK_HZ 25000000u

/* Why the board started, as the firmware itself noted it before. */
typedef enum {
    BOARD_POWER,    /* nothing noted */
    BOARD_HUNG,     /* the watchdog was not fed */
    BOARD_OVERFLOW, /* the stack has run into its guard */
    BOARD_FAULT     /* memory that is not there, or a bad instruction */
} board_cause;

/* Clock, UART and watchdog; the watchdog resets the board after this time without food. */
void board_start(uint32_t watchdog_ms);

/* Notes the cause and starts again. */
void board_reset(board_cause cause);

/* The cause of this start; after the first call it is BOARD_POWER. */
board_cause board_started_by(void);

void board_print(const char *text);
void board_print_number(uint32_t number);

/* Ends an emulator with an exit code, over semihosting; on a board without a debugger it resets. */
void board_exit(uint32_t code);

/* The most bytes of the stack that have been in use since the start. */
uint32_t board_stack_peak(void);
uint32_t board_stack_size(void);

/* Bytes of this program; RAM with the whole stack. */
uint32_t board_flash_used(void);
uint32_t board_ram_used(void);

#endif
