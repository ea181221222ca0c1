/* One setting's value: text into the member of the settings that its row names. Private to the configuration engine. */
#ifndef CERTMILL_CONFIG_VALUE_H
#define CERTMILL_CONFIG_VALUE_H

#include "config.h"

/* source goes into the error: "file:line", or the variable. Replaces what stood there before. */
bool setting_store(const struct setting *row, const char *source, const char *value, void *settings,
    struct err *e) MUST_USE;
void setting_clear(const struct setting *row, void *settings); /* zero, nothing freed */
void setting_free(const struct setting *row, void *settings);

#endif
