// kernel_lab.h: a network namespace of the test's own, and what the picture of its tables says (kernel_watch.h).
//
// Interface dev0 (02:00:00:00:00:01, 192.0.2.10/24, 2001:db8::10/64) is device KERNEL_LAB_DEVICE; far0 is its other end. The calling
// thread reads as a worker does. Without the right to make a namespace a test is skipped.

#pragma once

#include "kernel_watch.h"
#include "plane.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

enum {
	KERNEL_LAB_DEVICE = 3,
	KERNEL = -1, // what is asked of the picture is the kernel's to send
};

extern struct plane *plane;

void kernel_lab_setup(void);
void kernel_lab_teardown(void);
// ip(8), in the namespace; asserts that it did it.
__attribute__((format(printf, 1, 2))) void ip(const char *format, ...);
// The first picture, and no thread.
void watch_open(void);
void watch_start(void);
// Start the thread of a watch that is open.
void watch_run(void);
// False: the kernel sends. As a worker does it, within one burst.
bool find(const char *text, struct next_hop *hop);
// The last octet of the MAC address it is sent to, or KERNEL.
int last_octet(const char *text);
// Wait until the picture says so.
void expect(const char *text, int last);
void expect_stale(const char *text, bool stale);
void expect_mtu(const char *text, unsigned mtu);
struct endpoint address(const char *text);
