#include "device.h"

static bool octet_is_hex(uint8_t octet)
{
	return (octet >= '0' && octet <= '9') || (octet >= 'a' && octet <= 'f')
		|| (octet >= 'A' && octet <= 'F');
}

static bool octet_is_of_word(uint8_t octet)
{
	return (octet >= '0' && octet <= '9') || (octet >= 'a' && octet <= 'z') || octet == '_';
}

// h stands for a digit of a hexadecimal number, everything else for itself.
static bool text_is_like(struct span text, const char *pattern)
{
	if (text.length != strlen(pattern))
		return false;
	for (size_t i = 0; i < text.length; i++)
		if (pattern[i] == 'h' ? !octet_is_hex(text.octets[i])
				      : text.octets[i] != (uint8_t)pattern[i])
			return false;
	return true;
}

static size_t index_of(struct span text, uint8_t octet)
{
	size_t at = 0;

	while (at < text.length && text.octets[at] != octet)
		at++;
	return at;
}

struct span device_name_base(struct span name)
{
	return span_of(name.octets, index_of(name, ','));
}

bool device_is_pci(struct span name)
{
	struct span base = device_name_base(name);

	return text_is_like(base, "hhhh:hh:hh.h") || text_is_like(base, "hh:hh.h");
}

static bool base_is_virtual(struct span base)
{
	if (base.length <= 4 || memcmp(base.octets, "net_", 4) != 0)
		return false;
	for (size_t i = 0; i < base.length; i++)
		if (!octet_is_of_word(base.octets[i]))
			return false;
	return true;
}

// Takes the next argument off the rest of a name, from its comma on. False: there is none.
static bool argument_next(struct span *rest, struct span *key, struct span *value)
{
	if (rest->length == 0)
		return false;
	struct span argument = span_of(rest->octets + 1, rest->length - 1);
	size_t end = index_of(argument, ',');
	size_t equals = index_of(span_of(argument.octets, end), '=');

	*key = span_of(argument.octets, equals);
	*value = equals == end ? span_of(NULL, 0)
			       : span_of(argument.octets + equals + 1, end - equals - 1);
	*rest = span_of(argument.octets + end, argument.length - end);
	return true;
}

static struct span name_rest(struct span name)
{
	size_t base = device_name_base(name).length;

	return span_of(name.octets + base, name.length - base);
}

struct span device_argument(struct span name, const char *key)
{
	struct span rest = name_rest(name);
	struct span found;
	struct span value;

	while (argument_next(&rest, &found, &value))
		if (span_equal(found, span_of(key, strlen(key))))
			return value;
	return span_of(NULL, 0);
}

static bool base_begins(struct span name, const char *driver)
{
	size_t length = strlen(driver);

	return name.length >= length && memcmp(name.octets, driver, length) == 0;
}

struct span device_interface(struct span name)
{
	if (base_begins(name, "net_af_packet") || base_begins(name, "net_af_xdp")
		|| base_begins(name, "net_pcap"))
		return device_argument(name, "iface");
	return span_of(NULL, 0);
}

static bool arguments_are_pairs(struct span name)
{
	struct span rest = name_rest(name);
	struct span key;
	struct span value;

	while (argument_next(&rest, &key, &value))
		if (key.length == 0 || value.length == 0)
			return false;
	return true;
}

static bool interface_is_named(struct span name)
{
	if (!base_begins(name, "net_af_packet") && !base_begins(name, "net_af_xdp"))
		return true;
	size_t length = device_interface(name).length;

	return length > 0 && length <= DEVICE_INTERFACE_MAX;
}

bool device_name_check(struct span name, const char **why)
{
	*why = NULL;
	if (name.length > DEVICE_NAME_MAX)
		*why = "this is too long";
	for (size_t i = 0; i < name.length && *why == NULL; i++)
		if (name.octets[i] <= ' ' || name.octets[i] > '~')
			*why = "this has an octet that no device has";
	if (*why == NULL && !device_is_pci(name) && !base_is_virtual(device_name_base(name)))
		*why = "this is neither a PCI address nor a virtual device";
	if (*why == NULL && !arguments_are_pairs(name))
		*why = "arguments of a device are 'key=value', with commas between";
	if (*why == NULL && !interface_is_named(name))
		*why = "this device needs the name of an interface";
	return *why == NULL;
}
