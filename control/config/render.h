// render.h: a configuration as JSON, as operators and programs get to see it.

#pragma once

#include "config.h"

#include <jansson.h>

// Sections become objects, lists arrays, values the words that a file would have; secrets are hidden. With defaults every key
// is there, else only those of the file. A new reference, or NULL: out of memory.
[[nodiscard]] json_t *config_render(const struct config *config, bool defaults);
// What is wrong with a file: {file, ok, errors, warnings, faults: [{line, column, severity, message, hint}]}.
[[nodiscard]] json_t *config_render_report(const struct config_report *report);
