// poison.h: words that the text half of wire must not use.
//
// Octets from outside are slices, never C strings, and nothing here allocates. The headers that declare the words come
// first, so that it does not matter where among the includes this one stands.

#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#pragma GCC poison strlen strnlen strcmp strncmp strcasecmp strncasecmp strcoll
#pragma GCC poison strcpy strncpy strcat strncat stpcpy strdup strndup
#pragma GCC poison strchr strrchr strstr strcasestr strpbrk strspn strcspn strtok strtok_r strsep
#pragma GCC poison atoi atol atoll atof strtol strtoll strtoul strtoull strtod
#pragma GCC poison sprintf snprintf vsprintf vsnprintf sscanf printf fprintf
#pragma GCC poison malloc calloc realloc reallocarray free
