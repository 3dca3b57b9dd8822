#include "weirctl_keys.h"

#include "keys/key_folder.h"

#include <weir/uri.h>

#include <stdio.h>
#include <string.h>

static const char USAGE[] =
	"usage: weirctl keys init FOLDER --cluster NAME --edge ID:NAME [--edge ID:NAME ...]\n"
	"\n"
	"Makes what is missing in FOLDER and keeps what is there:\n"
	"  token-keys        secrets of the cluster: copy it to every edge, mode 0600\n"
	"  cluster-ca.pem    the cluster's CA: copy it to every edge\n"
	"  cluster-ca.key    keep it off the edges; needed only to add further edges\n"
	"  edge-ID.pem, .key certificate and key of one edge: copy them to that edge\n"
	"\n"
	"To add an edge later, run it again with one more --edge.\n";

struct request {
	const char *folder;
	const char *cluster;
	unsigned edge_count;
	struct key_edge edges[KEY_EDGES_MAX];
};

static int usage_fail(const char *why, const char *what)
{
	fprintf(stderr, "weirctl: %s%s%s\n%s", why, what == NULL ? "" : ": ",
		what == NULL ? "" : what, USAGE);
	return 2;
}

// A name becomes part of a certificate: letters, digits, '-' and '.' alone, so that nothing else can be said with it.
static bool is_host_name(const char *name)
{
	size_t length =
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.");

	return length > 0 && length <= 253 && name[length] == 0;
}

static bool edge_parse(const char *text, struct request *request)
{
	const char *colon = strchr(text, ':');
	uint64_t id;

	if (colon == NULL || request->edge_count == KEY_EDGES_MAX
		|| !number_parse(span_of(text, (size_t)(colon - text)), UINT8_MAX, &id) || id == 0
		|| !is_host_name(colon + 1))
		return false;
	request->edges[request->edge_count++] =
		(struct key_edge){.id = (uint8_t)id, .name = colon + 1};
	return true;
}

// 0 or the exit status.
static int arguments_read(int argc, char **argv, struct request *request)
{
	for (int i = 1; i < argc; i++) {
		bool valued = strcmp(argv[i], "--cluster") == 0 || strcmp(argv[i], "--edge") == 0;
		if (valued && i + 1 == argc)
			return usage_fail("a value is missing after", argv[i]);
		if (strcmp(argv[i], "--cluster") == 0) {
			request->cluster = argv[++i];
		} else if (strcmp(argv[i], "--edge") == 0) {
			if (!edge_parse(argv[++i], request))
				return usage_fail("not ID:NAME with an id from 1 to 255", argv[i]);
		} else if (argv[i][0] == '-' || request->folder != NULL) {
			return usage_fail("unknown argument", argv[i]);
		} else {
			request->folder = argv[i];
		}
	}
	if (request->folder == NULL || request->cluster == NULL)
		return usage_fail("FOLDER and --cluster are needed", NULL);
	return is_host_name(request->cluster) ? 0 : usage_fail("not a host name", request->cluster);
}

static void say_made(void *context, const char *path, bool kept)
{
	printf("%s  %s\n", kept ? "kept" : "made", path);
}

int weirctl_keys(int argc, char **argv)
{
	struct request request = {0};
	char failed[KEY_PATH_MAX];

	if (argc < 1 || strcmp(argv[0], "init") != 0)
		return usage_fail("unknown command", argc < 1 ? "keys" : argv[0]);
	int status = arguments_read(argc, argv, &request);
	if (status != 0)
		return status;
	status = key_folder_init(request.folder, request.cluster, request.edges, request.edge_count,
		say_made, NULL, failed);
	if (status != 0) {
		fprintf(stderr, "weirctl: cannot make %s: %s\n", failed, strerror(-status));
		return 1;
	}
	return 0;
}
