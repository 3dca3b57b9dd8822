// scan.h: finds where the lines of a message end, and what has no place among them.
//
// One kernel for every machine and one for x86-64-v3, behind one function: chosen once before main(), and by tests at will.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SCAN_LINES = 64, // line ends found by one call
};

enum scan_stop {
	SCAN_FULL, // ends[] is full: call again
	SCAN_BLANK, // the empty line; the body starts at scan->next
	SCAN_END, // the octets end and there was no empty line
	SCAN_BARE, // scan->next should be the LF of a CRLF or should not be LF (RFC 3261 section 7 knows CRLF alone)
};

struct scan {
	uint32_t next; // where to go on; 0 to begin
	uint16_t count;
	bool control; // set, and never cleared, once a control octet other than HTAB, CR and LF was seen; false to begin
	uint16_t ends
		[SCAN_LINES]; // of the CRs of lines; a line break before SP or HTAB is a fold and ends none
};

// Reads octets[scan->next] to octets[length - 1] and nothing else. length is at most 65,535.
typedef enum scan_stop scan_lines_fn(const uint8_t *octets, uint32_t length, struct scan *scan);

struct scan_kernel {
	const char *name;
	bool (*is_supported)(void);
	scan_lines_fn *lines;
};

// All kernels of this build, best first; the last one runs everywhere. The row behind it has no name.
extern const struct scan_kernel scan_kernels[];

scan_lines_fn scan_lines;
// Makes scan_lines() use this kernel from now on. Not while another thread may scan.
void scan_force(const struct scan_kernel *kernel);

// The kernels, each in a file of its own.
scan_lines_fn scan_lines_scalar;
scan_lines_fn scan_lines_avx2;
