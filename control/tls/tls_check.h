// tls_check.h: what only the files can tell of a configuration's `tls` entries: that they can be read, belong together and name who
// must be named. Faults go into the report of config_load(), which must still stand.

#pragma once

#include "../config/config.h"

// config_load(), and the files of its `tls` entries. NULL: the report has the errors.
[[nodiscard]] struct config *tls_config_load(const char *file, struct config_report *report);

// Every entry whose files cannot be used. Files that this user may not read are no error: weir-control's own may.
void tls_check_files(const struct config *config, struct config_report *report);
// Every name that a phone may ask for and the certificate of this entry lacks: the cluster's and every edge's, since any edge may be sent what
// was meant for another (RFC 5922: the phone compares the name that it resolved). `member` is where the entry is named.
void tls_check_access(const struct config *config, struct config_report *report, struct span entry,
	const void *member);
