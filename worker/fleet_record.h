/*
 * The record `fleet` of `.ca`: the public half of the key that the workers derive from their key-encryption key. Clients seal
 * to it, and by it a worker finds out that it was given another fleet's key-encryption key before it harms anything.
 */
#ifndef CERTMILL_FLEET_RECORD_H
#define CERTMILL_FLEET_RECORD_H

#include "secret.h"
#include "settings.h"

/* ERR_CONFIG when the record that stands is of another key-encryption key. *ret_stands: there is one. */
bool fleet_record_check(const struct settings *s, struct queue_probe *probe,
    const struct secret *kek, bool *ret_stands, struct err *e) MUST_USE;
/* Written once: one that stands is left alone. */
bool fleet_record_publish(const struct settings *s, struct queue_probe *probe,
    const struct secret *kek, struct err *e) MUST_USE;

#endif
