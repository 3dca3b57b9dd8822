// publish.h: pointers that the keeper publishes and workers follow, and what a race detector must be told about them.
//
// A grace period and cds_lfht order memory inside liburcu, where ThreadSanitizer does not look. The notes say that order aloud;
// in any other build they are nothing.

#pragma once

#if defined(__SANITIZE_THREAD__)
#define PUBLISH_WATCHED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PUBLISH_WATCHED 1
#endif
#endif

#ifdef PUBLISH_WATCHED
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#define PUBLISH_ACQUIRE(address) __tsan_acquire((void *)(address))
#define PUBLISH_RELEASE(address) __tsan_release((void *)(address))
#else
#define PUBLISH_ACQUIRE(address) ((void)(address))
#define PUBLISH_RELEASE(address) ((void)(address))
#endif

// The keeper, before it adds a node to a hash table, and a worker that meets the node there.
static inline void publish_node(const void *node)
{
	PUBLISH_RELEASE(node);
}

static inline void publish_meet(const void *node)
{
	PUBLISH_ACQUIRE(node);
}

// A worker, right before its quiescent state, and the keeper, right after a grace period.
static inline void publish_rest(const void *table)
{
	PUBLISH_RELEASE(table);
}

static inline void publish_grace(const void *table)
{
	PUBLISH_ACQUIRE(table);
}
