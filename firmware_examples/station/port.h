/* What the station wants of the board it runs on: four functions. */
#ifndef PORT_H
#define PORT_H

#include <stddef.h>
#include <stdint.h>

#define PORT_EMPTY (-1)  /* no byte has come: ask again */
#define PORT_CLOSED (-2) /* none will ever come: a pipe has ended; a board never says so */

/* The next byte from the line, 0..255, or one of the above. Must not wait longer than a millisecond
 * or two, or the watchdog is fed late. */
int port_read(void);

/* Sends all of it. */
void port_write(const uint8_t *bytes, size_t count);

/* Microseconds since any moment; wraps after 2^32. */
uint32_t port_micros(void);

/* The station is alive. Called in every turn of the loop, not while a wafer is classified: the
 * watchdog must allow for the longest classification. */
void port_feed_watchdog(void);

#endif
