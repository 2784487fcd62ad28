/* The station as a program: the line is stdin and stdout. For tests, and to try the protocol. */
#define _POSIX_C_SOURCE 200809L

#include "port.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "station.h"

#define BUFFER_BYTES 4096u
#define WAIT_MS 1
#define MICROS_PER_SECOND 1000000u
#define NANOS_PER_MICRO 1000

static uint8_t in[BUFFER_BYTES];
static size_t in_next;
static size_t in_end;
static uint8_t out[BUFFER_BYTES];
static size_t out_count;

static void flush(void)
{
    size_t done = 0;
    while (done < out_count) {
        ssize_t written = write(STDOUT_FILENO, out + done, out_count - done);
        if (written < 0 && errno != EINTR) {
            exit(EXIT_FAILURE); /* nobody listens any more */
        }
        if (written > 0) {
            done += (size_t)written;
        }
    }
    out_count = 0;
}

static int refill(void)
{
    struct pollfd line = {STDIN_FILENO, POLLIN, 0};
    flush();
    if (poll(&line, 1, WAIT_MS) <= 0) {
        return PORT_EMPTY;
    }
    ssize_t got = read(STDIN_FILENO, in, sizeof in);
    if (got < 0) {
        return errno == EINTR || errno == EAGAIN ? PORT_EMPTY : PORT_CLOSED;
    }
    if (got == 0) {
        return PORT_CLOSED;
    }
    in_next = 0;
    in_end = (size_t)got;
    return 0;
}

int port_read(void)
{
    if (in_next == in_end) {
        int state = refill();
        if (state < 0) {
            return state;
        }
    }
    return in[in_next++];
}

void port_write(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (out_count == sizeof out) {
            flush();
        }
        out[out_count++] = bytes[i];
    }
}

uint32_t port_micros(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) {
        return 0;
    }
    return (uint32_t)now.tv_sec * MICROS_PER_SECOND + (uint32_t)(now.tv_nsec / NANOS_PER_MICRO);
}

void port_feed_watchdog(void)
{
    /* A program has none: who started it looks after it. */
}

int main(void)
{
    station_run();
    return EXIT_SUCCESS;
}
