/* The peripherals of MPS2's CMSDK images: UART 0 is the line, timer 0 the clock. No interrupt but the
 * watchdog's is used: the station has one thing to do at a time. */
#include "board.h"
#include "port.h"

typedef volatile uint32_t reg;

typedef struct {
    reg data, state, control, interrupt, divider;
} uart_block;

typedef struct {
    reg control, value, reload, interrupt;
} timer_block;

typedef struct {
    reg load, value, control, clear;
} watchdog_block;

#define TIMER ((timer_block *)0x40000000u)
#define UART ((uart_block *)0x40004000u)
#define WATCHDOG ((watchdog_block *)0x40008000u)
#define WATCHDOG_LOCK (*(reg *)0x40008C00u)
#define AIRCR (*(reg *)0xE000ED0Cu)

#define BAUD 115200u
#define UART_ENABLE 3u /* both directions */
#define UART_SEND_FULL 1u
#define UART_RECEIVED 2u
#define TIMER_ENABLE 1u
#define TIMER_MOST 0xFFFFFFFFu
#define TICKS_PER_MICRO (BOARD_CLOCK_HZ / 1000000u)
#define TICKS_PER_MS (BOARD_CLOCK_HZ / 1000u)
#define WATCHDOG_ENABLE 3u /* interrupt, then reset */
#define WATCHDOG_KEY 0x1ACCE551u
#define WATCHDOG_LOCKED 0u
#define RESET_REQUEST 0x05FA0004u

/* Chance does not leave this in memory at power-up. */
#define NOTE_MAGIC 0x57A7E000u
#define NOTE_CAUSE 0xFFu

#define DIGITS_MOST 11u

#define SEMIHOSTING_EXIT 0x20u /* SYS_EXIT_EXTENDED */
#define SEMIHOSTING_APPLICATION_EXIT 0x20026u

__attribute__((section(".noinit"))) static volatile uint32_t note;

static uint32_t ticks_before;
static uint32_t ticks_rest;
static uint32_t micros;

void board_start(uint32_t watchdog_ms)
{
    UART->divider = BOARD_CLOCK_HZ / BAUD;
    UART->control = UART_ENABLE;
    TIMER->reload = TIMER_MOST;
    TIMER->value = TIMER_MOST;
    TIMER->control = TIMER_ENABLE;
    WATCHDOG_LOCK = WATCHDOG_KEY;
    WATCHDOG->load = watchdog_ms * TICKS_PER_MS;
    WATCHDOG->control = WATCHDOG_ENABLE;
    WATCHDOG_LOCK = WATCHDOG_LOCKED;
}

void board_reset(board_cause cause)
{
    note = NOTE_MAGIC | (uint32_t)cause;
    __asm volatile("dsb" ::: "memory");
    AIRCR = RESET_REQUEST;
    for (;;) {
    }
}

board_cause board_started_by(void)
{
    uint32_t found = note;
    note = 0u;
    return (found & ~NOTE_CAUSE) == NOTE_MAGIC ? (board_cause)(found & NOTE_CAUSE) : BOARD_POWER;
}

int port_read(void)
{
    if ((UART->state & UART_RECEIVED) == 0u) {
        return PORT_EMPTY;
    }
    return (int)(UART->data & 0xFFu);
}

void port_write(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        while ((UART->state & UART_SEND_FULL) != 0u) {
        }
        UART->data = bytes[i];
    }
}

/* The timer goes round after 172 s. An idle station may lose whole rounds; it measures nothing then. */
uint32_t port_micros(void)
{
    uint32_t ticks = TIMER_MOST - TIMER->value;
    uint32_t passed = ticks - ticks_before;
    ticks_before = ticks;
    micros += passed / TICKS_PER_MICRO;
    ticks_rest += passed % TICKS_PER_MICRO;
    if (ticks_rest >= TICKS_PER_MICRO) {
        ticks_rest -= TICKS_PER_MICRO;
        micros++;
    }
    return micros;
}

void port_feed_watchdog(void)
{
    WATCHDOG_LOCK = WATCHDOG_KEY;
    WATCHDOG->clear = 1u;
    WATCHDOG_LOCK = WATCHDOG_LOCKED; /* code gone astray cannot feed it by accident */
}

void board_print(const char *text)
{
    size_t length = 0;
    while (text[length] != '\0') {
        length++;
    }
    port_write((const uint8_t *)text, length);
}

void board_print_number(uint32_t number)
{
    char digits[DIGITS_MOST];
    size_t at = sizeof digits - 1u;
    digits[at] = '\0';
    do {
        digits[--at] = (char)('0' + number % 10u);
        number /= 10u;
    } while (number != 0u);
    board_print(digits + at);
}

void board_exit(uint32_t code)
{
    const uint32_t arguments[2] = {SEMIHOSTING_APPLICATION_EXIT, code};
    register uint32_t operation __asm("r0") = SEMIHOSTING_EXIT;
    register const uint32_t *parameters __asm("r1") = arguments;
    __asm volatile("bkpt 0xAB" : "+r"(operation) : "r"(parameters) : "memory");
    board_reset(BOARD_POWER);
}
