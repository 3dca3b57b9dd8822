// scan_scalar.c: the line scan one octet at a time.

#include "poison.h"
#include "scan.h"

static bool octet_is_control(uint8_t octet)
{
	return (octet < ' ' && octet != '\t') || octet == 0x7f;
}

static enum scan_stop stop_at(struct scan *scan, uint32_t next, enum scan_stop stop)
{
	scan->next = next;
	return stop;
}

enum scan_stop scan_lines_scalar(const uint8_t *octets, uint32_t length, struct scan *scan)
{
	uint32_t line = scan->next; // where the line we are in begins

	scan->count = 0;
	for (uint32_t at = line; at < length; at++) {
		if (!octet_is_control(octets[at]))
			continue;
		if (octets[at] != '\r' && octets[at] != '\n') {
			scan->control = true;
			continue;
		}
		if (octets[at] == '\n')
			return stop_at(scan, at, SCAN_BARE);
		if (++at == length || octets[at] != '\n')
			return stop_at(scan, at, SCAN_BARE);
		if (line > 0 && line == at - 1)
			return stop_at(scan, at + 1, SCAN_BLANK);
		line = at + 1;
		if (line < length && (octets[line] == ' ' || octets[line] == '\t'))
			continue;
		scan->ends[scan->count++] = (uint16_t)(at - 1);
		if (scan->count == SCAN_LINES)
			return stop_at(scan, line, SCAN_FULL);
	}
	return stop_at(scan, length, SCAN_END);
}
