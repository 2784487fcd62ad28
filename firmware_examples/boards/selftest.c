/* Is this board, with this compiler, right? Runs the golden wafers through the model and compares
 * every output; then overflows the stack and stops feeding the watchdog, both of which must restart
 * the board. Prints a line a section and ends with PASS or FAIL; an emulator exits with 0 or 1. */
#include "board.h"
#include "golden.h"
#include "port.h"
#include "wm_edge.h"

#define WATCHDOG_MS 10000u
#define HUNG_WATCHDOG_MS 50u
#define EXIT_PASS 0u
#define EXIT_FAIL 1u
#define FRAME_WORDS 64u
#define TOLERANCE 1e-5f

/* What is being tried, kept over the restarts that are part of it. */
typedef enum { STAGE_GOLDEN = 0, STAGE_OVERFLOW = 0x0F10A7u, STAGE_HANG = 0x4A4647u } test_stage;

__attribute__((section(".noinit"))) static volatile uint32_t stage;

static wm_grid grid;
static wm_result result;

/* Not known to the compiler, which would otherwise see that the descent never ends. */
static volatile uint32_t depth_wanted = UINT32_MAX;

static void finish(int passed)
{
    stage = STAGE_GOLDEN;
    board_print(passed ? "PASS\n" : "FAIL\n");
    board_exit(passed ? EXIT_PASS : EXIT_FAIL);
}

static void report(const char *name, int passed)
{
    board_print(name);
    board_print(passed ? ": ok\n" : ": FAILED\n");
    if (!passed) {
        finish(0);
    }
}

static void report_number(const char *name, uint32_t number, const char *unit)
{
    board_print(name);
    board_print(": ");
    board_print_number(number);
    board_print(unit);
    board_print("\n");
}

static int load(const golden_wafer *wafer)
{
    if (wm_grid_begin(&grid, wafer->rows, wafer->columns) != WM_OK) {
        return 0;
    }
    uint32_t dies = (uint32_t)wafer->rows * wafer->columns;
    for (uint32_t i = 0; i < dies; i++) {
        uint8_t state = (uint8_t)((uint32_t)wafer->dies[i / 4u] >> (i % 4u * 2u) & 3u);
        if (wm_grid_set(&grid, i, state) != WM_OK) {
            return 0;
        }
    }
    return 1;
}

static int same(const int8_t *first, const int8_t *second, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (first[i] != second[i]) {
            return 0;
        }
    }
    return 1;
}

/* The last bits of exp and sqrt are each library's own. */
static int close_to(float first, float second)
{
    float size = second < 1.0f ? 1.0f : second;
    float difference = first < second ? second - first : first - second;
    return difference <= TOLERANCE * size;
}

static int right_outputs(const golden_wafer *wafer)
{
    return same(result.logits, wafer->logits, WM_CLASSES) &&
           same(result.embedding, wafer->embedding, WM_EMBEDDING) &&
           result.dies == wafer->die_count && result.fails == wafer->fail_count;
}

static int right_verdict(const golden_wafer *wafer)
{
    for (uint32_t i = 0; i < WM_CLASSES; i++) {
        if (!close_to(result.probabilities[i], wafer->probabilities[i])) {
            return 0;
        }
    }
    return result.pattern == wafer->pattern && result.reason == wafer->reason &&
           close_to(result.confidence, wafer->confidence) && close_to(result.below, wafer->below) &&
           close_to(result.unfamiliarity, wafer->unfamiliarity) &&
           close_to(result.mixture, wafer->mixture);
}

static void check_golden(void)
{
    uint32_t wrong = 0;
    uint32_t longest = 0;
    for (uint32_t i = 0; i < GOLDEN_WAFERS; i++) {
        const golden_wafer *wafer = &golden_wafers[i];
        port_feed_watchdog();
        int loaded = load(wafer);
        uint32_t began = port_micros();
        int classified = wm_classify(&grid, &result) == WM_OK;
        uint32_t taken = port_micros() - began;
        wrong += !(loaded && classified && right_outputs(wafer) && right_verdict(wafer));
        longest = taken > longest ? taken : longest;
    }
    report_number("golden wafers", GOLDEN_WAFERS, "");
    report_number("wrong", wrong, "");
    report_number("longest", longest, " us");
    report_number("peak stack", board_stack_peak(), " bytes");
    report_number("stack", board_stack_size(), " bytes");
    report_number("flash with the golden wafers", board_flash_used(), " bytes");
    report_number("RAM with the stack", board_ram_used(), " bytes");
    report("golden", wrong == 0u);
}

/* Each call keeps its own words, so that none can be left out. */
static uint32_t descend(uint32_t depth)
{
    volatile uint32_t words[FRAME_WORDS];
    words[0] = depth;
    if (depth < depth_wanted) {
        words[1] = descend(depth + 1u);
    }
    return words[0];
}

static void go_on(test_stage next)
{
    stage = next;
    if (next == STAGE_OVERFLOW) {
        depth_wanted = descend(0u);
    } else {
        board_start(HUNG_WATCHDOG_MS);
        for (;;) {
        }
    }
}

int main(void)
{
    board_cause cause = board_started_by();
    board_start(WATCHDOG_MS);
    switch (cause == BOARD_POWER ? STAGE_GOLDEN : stage) {
    case STAGE_OVERFLOW:
        report("stack overflow restarts the board", cause == BOARD_OVERFLOW);
        go_on(STAGE_HANG);
        break;
    case STAGE_HANG:
        report("watchdog restarts the board", cause == BOARD_HUNG);
        finish(1);
        break;
    default:
        report("start", cause == BOARD_POWER);
        check_golden();
        go_on(STAGE_OVERFLOW);
        break;
    }
    return 0;
}
