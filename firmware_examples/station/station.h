/* The station: waits for frames, answers each. Never returns on a board. */
#ifndef STATION_H
#define STATION_H

/* Milliseconds that the line may be silent within a frame. */
#define STATION_SILENCE_MS 500u

/* Returns when the port is closed. */
void station_run(void);

#endif
