// weirctl and weir-control as operators run them: a core on a free port and a socket in a folder of its own.

#include "port_choice.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/weir-test-weirctl-XXXXXX";
static char file[64];
static char said[65536];
static pid_t daemon_;

static void file_write(const char *more)
{
	static unsigned port;
	FILE *stream = fopen(file, "w");

	port = port == 0 ? port_choose() : port;
	cr_assert(stream != NULL);
	fprintf(stream,
		"role: core\n"
		"node: {name: core.test}\n"
		"listeners: [{name: core, side: core, address: 127.0.0.1:%u}]\n"
		"registrar: {domains: [example.test], users: [{user: bob, password: secret}]}\n"
		"admin: {socket: %s/admin.sock}\n"
		"%s",
		port, folder, more);
	fclose(stream);
}

// Runs a shell command; returns its exit status. `said` is what it wrote, errors too.
static int run(const char *command)
{
	char line[2048];
	FILE *stream;

	snprintf(line, sizeof(line), "( %s ) 2>&1", command);
	stream = popen(line, "r");
	cr_assert(stream != NULL);
	said[fread(said, 1, sizeof(said) - 1, stream)] = '\0';
	return WEXITSTATUS(pclose(stream));
}

static int weirctl(const char *arguments)
{
	char command[1024];

	snprintf(command, sizeof(command), "%s -s %s/admin.sock %s", WEIRCTL, folder, arguments);
	return run(command);
}

// True if a line is the name, blanks, and the value.
static bool says(const char *name, const char *value)
{
	for (const char *line = said; line != NULL && *line != '\0';) {
		size_t length = strlen(name);
		if (strncmp(line, name, length) == 0 && line[length] == ' ') {
			line += length + strspn(line + length, " ");
			return strncmp(line, value, strlen(value)) == 0
				&& line[strlen(value)] == '\n';
		}
		line = strchr(line, '\n');
		line = line == NULL ? NULL : line + 1;
	}
	return false;
}

static void setup(void)
{
	setenv("LSAN_OPTIONS", "print_suppressions=0:suppressions=" SUPPRESSIONS, 1);
	cr_assert(mkdtemp(folder) != NULL);
	snprintf(file, sizeof(file), "%s/weir.yaml", folder);
	file_write("");
	daemon_ = fork();
	if (daemon_ == 0) {
		freopen("/dev/null", "w", stderr);
		execl(WEIR_CONTROL, WEIR_CONTROL, "--config", file, NULL);
		_exit(127);
	}
	for (unsigned i = 0; i < 500 && weirctl("status") != 0; i++)
		usleep(10000);
}

static void teardown(void)
{
	char command[128];
	int status = 0;

	kill(daemon_, SIGTERM);
	waitpid(daemon_, &status, 0);
	snprintf(command, sizeof(command), "test ! -e %s/admin.sock", folder);
	cr_assert(eq(int, WEXITSTATUS(status), 0));
	cr_assert(eq(int, run(command), 0));
	snprintf(command, sizeof(command), "rm -r %s", folder);
	cr_assert(eq(int, run(command), 0));
}

TestSuite(weirctl, .init = setup, .fini = teardown);

Test(weirctl, ends_with_0_when_the_daemon_has_answered)
{
	cr_assert(eq(int, weirctl("status"), 0));
	cr_assert(says("name", "core.test"));
	cr_assert(says("ready", "yes"));
	cr_assert(says("core.transactions_held", "0"));
	cr_assert(eq(int, weirctl("-j status"), 0));
	cr_assert(strstr(said, "\"name\": \"core.test\"") != NULL);
	cr_assert(eq(int, weirctl("status -j"), 0));
	cr_assert(strstr(said, "\"ready\": true") != NULL);
	cr_assert(eq(int, weirctl("call config.show '{\"defaults\": true}'"), 0));
	cr_assert(strstr(said, "\"realm\": \"example.test\"") != NULL);
	cr_assert(strstr(said, "secret") == NULL);
}

Test(weirctl, ends_with_1_when_the_daemon_has_said_no)
{
	cr_assert(eq(int, weirctl("flows show"), 1));
	cr_assert(eq(str, said, "weirctl: nothing here keeps flows\n"));
	cr_assert(eq(int, weirctl("call no.such"), 1));
}

Test(weirctl, ends_with_2_for_what_is_no_command)
{
	cr_assert(eq(int, weirctl("no such"), 2));
	cr_assert(eq(int, weirctl("flows show --limit x"), 2));
	cr_assert(eq(int, weirctl("-x"), 2));
	cr_assert(eq(int, weirctl("-w"), 2));
	cr_assert(eq(int, weirctl("-w 0 status"), 2));
	cr_assert(eq(int, weirctl("--color blue status"), 2));
	cr_assert(eq(int, weirctl("call"), 2));
	cr_assert(eq(int, weirctl("call status '{bad'"), 2));
}

Test(weirctl, ends_with_3_when_nobody_listens)
{
	cr_assert(eq(int, run(WEIRCTL " -s /no/such.sock status"), 3));
	cr_assert(strstr(said, "cannot connect to /no/such.sock") != NULL);
	cr_assert(eq(int, run("WEIR_SOCKET=/no/such.sock " WEIRCTL " status"), 3));
}

Test(weirctl, ends_with_4_for_a_file_with_faults_and_needs_no_daemon)
{
	char command[256];

	snprintf(command, sizeof(command), "%s config check %s", WEIRCTL, file);
	cr_assert(eq(int, run(command), 0));
	cr_assert(strstr(said, "weir.yaml: ok\n") != NULL);
	file_write("lgo: {level: debug}\n");
	cr_assert(eq(int, run(command), 4));
	cr_assert(strstr(said, "weir.yaml:6:1: error: unknown key 'lgo'") != NULL);
	cr_assert(strstr(said, "did you mean 'log'?") != NULL);
	cr_assert(eq(int, run(WEIRCTL " config check /no/such/file"), 4));
	// The daemon looks at its own file.
	cr_assert(eq(int, weirctl("config check"), 4));
	cr_assert(eq(int, weirctl("-j config check"), 4));
	cr_assert(strstr(said, "\"ok\": false") != NULL);
}

Test(weirctl, reloads_what_is_live_and_says_what_waits)
{
	file_write("log: {level: debug}\nproxy: {record-route: yes}\n");
	cr_assert(eq(int, weirctl("reload"), 0));
	cr_assert(strstr(said, "proxy.record-route  no       restart of weir-control\n") != NULL);
	cr_assert(strstr(said, "log.level           yes      nothing\n") != NULL);
	cr_assert(eq(int, weirctl("log show"), 0));
	cr_assert(strstr(said, "debug") != NULL);
}

Test(weirctl, leaves_all_as_it_was_when_the_new_file_is_wrong)
{
	file_write("log: {level: loud}\n");
	cr_assert(eq(int, weirctl("reload"), 1));
	kill(daemon_, SIGHUP);
	cr_assert(eq(int, weirctl("log show"), 0));
	cr_assert(strstr(said, "info") != NULL);
}

Test(weirctl, sets_the_level_of_the_log_for_a_time)
{
	cr_assert(eq(int, weirctl("log level debug --for 200ms"), 0));
	cr_assert(eq(int, weirctl("log show"), 0));
	cr_assert(strstr(said, "level       debug\nfor_a_time  yes\n") != NULL);
	usleep(400000);
	cr_assert(eq(int, weirctl("log show"), 0));
	cr_assert(strstr(said, "level       info\nfor_a_time  no\n") != NULL);
}

Test(weirctl, takes_commands_line_by_line)
{
	char command[256];

	snprintf(command, sizeof(command),
		"printf 'status\\nno such\\nlog show\\nquit\\nreload\\n' | %s -s %s/admin.sock",
		WEIRCTL, folder);
	cr_assert(eq(int, run(command), 0));
	cr_assert(strstr(said, "core.test") != NULL);
	cr_assert(strstr(said, "there is no command 'no such'") != NULL);
	cr_assert(strstr(said, "level") != NULL);
	cr_assert(strstr(said, "changes") == NULL);
}

Test(weirctl, completes_for_a_shell)
{
	cr_assert(eq(
		int, run("COMP_LINE='weirctl flo' " WEIRCTL " --complete weirctl flo weirctl"), 0));
	cr_assert(eq(str, said, "flows\n"));
	run("COMP_LINE='weirctl config ' " WEIRCTL " --complete weirctl '' config");
	cr_assert(eq(str, said, "check\nshow\nschema\n"));
	run("COMP_LINE='weirctl flows show --transport t' " WEIRCTL " --complete");
	cr_assert(eq(str, said, "tcp\ntls\n"));
	run("COMP_LINE='weirctl k' " WEIRCTL " --complete");
	cr_assert(eq(str, said, "keys\n"));
}

Test(weirctl, prints_help_of_one_screen_and_its_version)
{
	cr_assert(eq(int, run(WEIRCTL " -h"), 0));
	unsigned lines = 0;

	for (const char *at = said; (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	cr_assert(le(uint, lines, 24));
	cr_assert(eq(int, run(WEIRCTL " -V"), 0));
	cr_assert(eq(str, said, "weirctl " WEIR_VERSION "\n"));
}

Test(weir_control, takes_its_options_and_refuses_others)
{
	cr_assert(eq(int, run(WEIR_CONTROL " --version"), 0));
	cr_assert(eq(str, said, "weir-control " WEIR_VERSION "\n"));
	cr_assert(eq(int, run(WEIR_CONTROL " --help"), 0));
	cr_assert(eq(int, run(WEIR_CONTROL " --no-such >/dev/null"), 2));
	cr_assert(ne(str, said, ""));
	cr_assert(eq(int, run(WEIR_CONTROL " word"), 2));
	cr_assert(eq(int, run(WEIR_CONTROL " --check --config /no/such"), 1));
	cr_assert(
		strstr(said, "/no/such: error: cannot be read: No such file or directory") != NULL);
}

Test(weir_control, says_what_keeps_it_from_starting_where_and_what_to_do)
{
	char command[256];

	cr_assert(mkdtemp(folder) != NULL);
	snprintf(file, sizeof(file), "%s/weir.yaml", folder);
	file_write("");
	snprintf(command, sizeof(command), "sed -i 's,%s/admin.sock,/no/such/admin.sock,' %s",
		folder, file);
	cr_assert(eq(int, run(command), 0));
	snprintf(command, sizeof(command), "%s --config %s", WEIR_CONTROL, file);
	cr_assert(eq(int, run(command), 1));
	cr_assert(strstr(said,
			  "weir-control: cannot open the admin socket /no/such/admin.sock "
			  "(weir.yaml:5): "
			  "No such file or directory   [E-ADMIN-SOCKET]\n  = make its folder")
		!= NULL);
	snprintf(command, sizeof(command), "sed -i 's,{socket: .*},{group: no-such-group},' %s",
		file);
	cr_assert(eq(int, run(command), 0));
	snprintf(command, sizeof(command), "%s --config %s", WEIR_CONTROL, file);
	cr_assert(eq(int, run(command), 1));
	cr_assert(strstr(said,
			  "there is no group 'no-such-group' on this host (weir.yaml:5)   "
			  "[E-ADMIN-GROUP]")
		!= NULL);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	cr_assert(eq(int, run(command), 0));
}

// Of this host it is not known what it has; of a folder without files it is.
Test(weirctl, checks_the_host_without_a_daemon_and_ends_with_4_when_something_is_missing)
{
	char command[512];

	cr_assert(eq(int, weirctl("host check --root /nowhere /dev/null"), 4)); // no configuration
	snprintf(command, sizeof(command), "host check %s --root /nowhere", file);
	cr_assert(eq(int, weirctl(command), 0));
	cr_assert(strstr(said, "0 missing\n") != NULL);
	FILE *edge = fopen(file, "w");

	fputs("node: {id: 1, name: edge1.test}\n"
	      "listeners:\n"
	      "  - {name: a, side: access, address: 192.0.2.1:5060, driver: dpdk, port: "
	      "'0000:3b:00.0'}\n"
	      "  - {name: c, side: core, address: 10.0.0.1:5060}\n"
	      "cluster: {name: edge.test}\n"
	      "upstream: {targets: ['sip:10.0.0.9']}\n",
		edge);
	fclose(edge);
	cr_assert(eq(int, weirctl(command), 4));
	cr_assert(strstr(said, "= modprobe vfio-pci") != NULL);
	snprintf(command, sizeof(command), "-j host check %s --root /nowhere", file);
	cr_assert(eq(int, weirctl(command), 4));
	cr_assert(strstr(said, "\"state\": \"missing\"") != NULL);
	cr_assert(eq(int, weirctl("host"), 2));
	cr_assert(eq(int, weirctl("host check a b"), 2));
}
