// device.h: what names a DPDK device: a PCI address or a vdev string.
//
//     0000:3b:00.0   3b:00.0   0000:3b:00.0,key=value     a card; the domain 0000 may be left out
//     net_af_packet0,iface=eth0   net_null0               a virtual device: driver, number, arguments

#pragma once

#include <weir/span.h>

enum {
	DEVICE_NAME_MAX = 111, // octets; what the link has room for
	DEVICE_INTERFACE_MAX = 15, // octets of an interface's name, IFNAMSIZ less its NUL
};

// False: *why says what is wrong, for people.
[[nodiscard]] bool device_name_check(struct span name, const char **why);
// Of a name that was checked: true for a card.
[[nodiscard]] bool device_is_pci(struct span name);
// The name without its arguments: "net_af_packet0".
struct span device_name_base(struct span name);
// The value of an argument; length 0: there is none.
struct span device_argument(struct span name, const char *key);
// The interface of the kernel that a virtual device is another end of; length 0: it has none, or makes it itself.
struct span device_interface(struct span name);
