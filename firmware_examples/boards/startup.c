/* From reset to main: vector table, memory, and what a fault does. */
#include <stdint.h>

#include "board.h"

/* Nothing that runs leaves this in memory by accident all over a stack. */
#define PAINT 0xC5C5C5C5u

#define MPU_CONTROL (*(volatile uint32_t *)0xE000ED94u)
#define MPU_NUMBER (*(volatile uint32_t *)0xE000ED98u)
#define MPU_BASE (*(volatile uint32_t *)0xE000ED9Cu)
#define MPU_SIZE (*(volatile uint32_t *)0xE000EDA0u)
#define MPU_ON_WITH_DEFAULTS 5u
/* The 32 MB below RAM: nothing of ours is there, and no stack frame is large enough to step over. */
#define GUARD_BASE 0x1E000000u
#define GUARD_SIZE ((24u << 1) | 1u) /* 2^(24 + 1) bytes, in force, no access */

#define GUARD_BYTES 0x02000000u

/* What a memory fault was, and where. */
#define CFSR (*(volatile uint32_t *)0xE000ED28u)
#define CFSR_STACKING (1u << 4)
#define CFSR_ADDRESS_KNOWN (1u << 7)
#define MMFAR (*(volatile uint32_t *)0xE000ED34u)

#define SHCSR (*(volatile uint32_t *)0xE000ED24u)
#define SHCSR_MEMORY_FAULT (1u << 16)
#define SHCSR_BUS_FAULT (1u << 17)
#define SHCSR_USAGE_FAULT (1u << 18)

extern uint32_t stack_bottom[], stack_top[];
extern uint32_t data_start[], data_end[], bss_start[], bss_end[];
extern const uint32_t data_load[];
/* Numbers of the linker's: their addresses are their values. */
extern const uint8_t flash_used[], ram_used[];

int main(void);
void reset_handler(void);
void fault_handler(void);
void fault_on_fresh_stack(void);
void watchdog_handler(void);
void unused_handler(void);

typedef void (*handler)(void);

enum { VECTORS = 16, NMI = 2, HARD_FAULT, MEMORY_FAULT, BUS_FAULT, USAGE_FAULT };

/* The first word of the table is the stack's top, the others are handlers. */
typedef union {
    uint32_t *stack;
    handler code;
} vector;

__attribute__((section(".vectors"), used)) static const vector vectors[VECTORS] = {
    {.stack = stack_top},
    {.code = reset_handler},
    [NMI] = {.code = watchdog_handler},
    [HARD_FAULT] = {.code = fault_handler},
    [MEMORY_FAULT] = {.code = fault_handler},
    [BUS_FAULT] = {.code = fault_handler},
    [USAGE_FAULT] = {.code = fault_handler},
    [11] = {.code = unused_handler}, /* SVC */
    [12] = {.code = unused_handler}, /* debug */
    [14] = {.code = unused_handler}, /* PendSV */
    [15] = {.code = unused_handler}, /* SysTick */
};

/* Volatile keeps the compiler from calling memcpy and memset, which may stand in memory that is not
 * ready yet on other boards. */
static void copy_words(volatile uint32_t *to, const volatile uint32_t *end, const uint32_t *from)
{
    while (to < end) {
        *to++ = *from++;
    }
}

static void fill_words(volatile uint32_t *to, const volatile uint32_t *end, uint32_t word)
{
    while (to < end) {
        *to++ = word;
    }
}

static uint32_t *stack_pointer(void)
{
    uint32_t *pointer;
    __asm volatile("mov %0, sp" : "=r"(pointer));
    return pointer;
}

/* What is below RAM differs from board to board, and some of it takes writes without a word. */
static void guard_stack(void)
{
    MPU_NUMBER = 0u;
    MPU_BASE = GUARD_BASE;
    MPU_SIZE = GUARD_SIZE;
    MPU_CONTROL = MPU_ON_WITH_DEFAULTS;
    __asm volatile("dsb\nisb" ::: "memory");
}

void reset_handler(void)
{
    fill_words(stack_bottom, stack_pointer(), PAINT);
    copy_words(data_start, data_end, data_load);
    fill_words(bss_start, bss_end, 0u);
    /* Without handlers of their own, faults on the stack would end in a lock-up. */
    SHCSR |= SHCSR_MEMORY_FAULT | SHCSR_BUS_FAULT | SHCSR_USAGE_FAULT;
    guard_stack();
    main();
    board_exit(0u);
}

static int in_guard(void)
{
    uint32_t status = CFSR;
    if ((status & CFSR_STACKING) != 0u) {
        return 1;
    }
    return (status & CFSR_ADDRESS_KNOWN) != 0u && MMFAR - GUARD_BASE < GUARD_BYTES;
}

void fault_on_fresh_stack(void)
{
    board_reset(in_guard() ? BOARD_OVERFLOW : BOARD_FAULT);
}

/* The fault may have been the stack's: it cannot be used before it is taken back to its top. */
__attribute__((naked)) void fault_handler(void)
{
    __asm volatile("ldr r0, =stack_top\n"
                   "mov sp, r0\n"
                   "b fault_on_fresh_stack\n");
}

/* The watchdog's first call; its second one would reset the board without a note of why. */
void watchdog_handler(void)
{
    board_reset(BOARD_HUNG);
}

void unused_handler(void)
{
    board_reset(BOARD_FAULT);
}

uint32_t board_stack_size(void)
{
    return (uint32_t)(stack_top - stack_bottom) * (uint32_t)sizeof *stack_top;
}

uint32_t board_stack_peak(void)
{
    const volatile uint32_t *word = stack_bottom;
    while (word < stack_top && *word == PAINT) {
        word++;
    }
    return (uint32_t)(stack_top - word) * (uint32_t)sizeof *word;
}

uint32_t board_flash_used(void)
{
    return (uint32_t)flash_used;
}

uint32_t board_ram_used(void)
{
    return (uint32_t)ram_used;
}
