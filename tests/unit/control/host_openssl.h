// host_openssl.h: what an administrator tells all programs of a host by openssl.cnf.

#pragma once

#include <criterion/criterion.h>
#include <openssl/conf.h>
#include <openssl/ssl.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// Contexts that are made from now on have these options, as "KTLS".
static void host_openssl_set(const char *options)
{
	char path[] = "/tmp/weir-openssl-XXXXXX";
	FILE *file = fdopen(mkstemp(path), "w");

	cr_assert(file != NULL);
	fprintf(file,
		"openssl_conf = all\n[all]\nssl_conf = tls\n[tls]\nsystem_default = these\n"
		"[these]\nOptions = %s\n",
		options);
	fclose(file);
	cr_assert(CONF_modules_load_file(path, NULL, 0) > 0);
	unlink(path);
}
