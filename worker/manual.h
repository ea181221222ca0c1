/* docs/certmill-worker.md: the prose around the table of commands, which main.c has. On standard output. */
#ifndef CERTMILL_MANUAL_H
#define CERTMILL_MANUAL_H

void manual_begin(void);
void manual_end(void);

#endif
