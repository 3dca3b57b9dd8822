#include "../../dataplane/pipeline/guard.h"
#include "lab.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static struct lab *lab;

static void setup(void)
{
	urcu_qsbr_register_thread();
	lab = lab_new(1);
}

static void teardown(void)
{
	lab_free(lab);
	urcu_qsbr_unregister_thread();
}

static bool allows(uint8_t listener, const char *destination)
{
	struct endpoint endpoint = lab_endpoint(destination);

	return guard_allows(
		lab->directory, directory_listener(lab->directory, listener), &endpoint);
}

static bool hears(const char *source)
{
	struct endpoint endpoint = lab_endpoint(source);

	return guard_hears(lab->directory, directory_listener(lab->directory, LAB_CORE), &endpoint);
}

TestSuite(guard, .init = setup, .fini = teardown);

Test(guard, access_listeners_send_into_their_networks_alone)
{
	cr_assert(allows(LAB_ACCESS, "198.51.100.5:5060"));
	cr_assert(not(allows(LAB_ACCESS, "198.51.101.5:5060")));
	cr_assert(allows(LAB_ACCESS6, "[2001:db8:f::5]:5060"));
	cr_assert(not(allows(LAB_ACCESS6, "[2001:db8:e::5]:5060")));
}

Test(guard, access_listeners_never_send_inside_even_where_their_networks_overlap)
{
	cr_assert(not(allows(LAB_ACCESS, "10.0.5.5:5060")));
}

Test(guard, access_listeners_never_send_to_a_listener_of_any_edge)
{
	cr_assert(not(allows(LAB_ACCESS, "192.0.2.1:5060")));
	cr_assert(not(allows(LAB_ACCESS, "192.0.2.2:5060")));
	cr_assert(allows(LAB_ACCESS, "192.0.2.2:5070"));
}

Test(guard, nobody_sends_to_multicast_broadcast_unspecified_loopback_or_port_0)
{
	static const char *const refused[] = {"224.0.0.1:5060", "255.255.255.255:5060",
		"0.0.0.0:5060", "127.0.0.1:5060", "198.51.100.5:0"};

	for (unsigned i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		cr_assert(not(allows(LAB_ACCESS, refused[i])));
		cr_assert(not(allows(LAB_CORE, refused[i])));
	}
	cr_assert(not(allows(LAB_ACCESS6, "[ff02::1]:5060")));
	cr_assert(not(allows(LAB_ACCESS6, "[::]:5060")));
	cr_assert(not(allows(LAB_ACCESS6, "[::1]:5060")));
}

Test(guard, a_mapped_address_is_judged_as_what_it_maps)
{
	cr_assert(allows(LAB_ACCESS, "[::ffff:198.51.100.5]:5060"));
	cr_assert(not(allows(LAB_ACCESS, "[::ffff:10.0.5.5]:5060")));
	cr_assert(not(allows(LAB_ACCESS6, "[::ffff:198.51.100.5]:5060")));
}

Test(guard, families_do_not_cross)
{
	cr_assert(not(allows(LAB_ACCESS, "[2001:db8:f::5]:5060")));
	cr_assert(not(allows(LAB_ACCESS6, "198.51.100.5:5060")));
}

Test(guard, core_listeners_send_to_targets_and_their_allow_list_alone)
{
	cr_assert(allows(LAB_CORE, "10.0.9.1:5060"));
	cr_assert(allows(LAB_CORE, "10.0.9.77:5080"));
	cr_assert(not(allows(LAB_CORE, "10.0.8.1:5060")));
	cr_assert(not(allows(LAB_CORE, "198.51.100.5:5060")));
}

Test(guard, peer_listeners_send_to_peers_alone)
{
	cr_assert(allows(LAB_PEER, "10.0.1.2:7000"));
	cr_assert(not(allows(LAB_PEER, "10.0.1.2:7001")));
	cr_assert(not(allows(LAB_PEER, "10.0.9.1:5060")));
}

Test(guard, core_listeners_hear_targets_and_their_allow_list_alone)
{
	cr_assert(hears("10.0.9.1:5060"));
	cr_assert(hears("10.0.9.2:1024"));
	cr_assert(hears("[::ffff:10.0.9.2]:1024"));
	cr_assert(not(hears("10.0.8.2:5060")));
}
