#include "mail.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

void mail_free(struct stream_mail *mail)
{
	if (mail == NULL)
		return;
	X509_free(mail->alias.certificate);
	free(mail->dial);
	free(mail);
}

int mailbox_init(struct mailbox *mailbox)
{
	*mailbox = (struct mailbox){.eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
	if (mailbox->eventfd < 0)
		return -errno;
	mailbox->end = &mailbox->first;
	pthread_mutex_init(&mailbox->lock, NULL);
	return 0;
}

void mailbox_fini(struct mailbox *mailbox)
{
	struct stream_mail *mail = mailbox_take(mailbox);

	while (mail != NULL) {
		struct stream_mail *next = mail->next;

		mail_free(mail);
		mail = next;
	}
	pthread_mutex_destroy(&mailbox->lock);
	close(mailbox->eventfd);
}

void mailbox_wake(struct mailbox *mailbox)
{
	(void)eventfd_write(mailbox->eventfd, 1);
}

void mailbox_put(struct mailbox *mailbox, struct stream_mail *mail)
{
	mail->next = NULL;
	pthread_mutex_lock(&mailbox->lock);
	bool first = mailbox->first == NULL;

	*mailbox->end = mail;
	mailbox->end = &mail->next;
	pthread_mutex_unlock(&mailbox->lock);
	if (first)
		mailbox_wake(mailbox);
}

bool mailbox_is_empty(struct mailbox *mailbox)
{
	pthread_mutex_lock(&mailbox->lock);
	bool empty = mailbox->first == NULL;

	pthread_mutex_unlock(&mailbox->lock);
	return empty;
}

struct stream_mail *mailbox_take(struct mailbox *mailbox)
{
	eventfd_t ignored;

	(void)eventfd_read(mailbox->eventfd, &ignored);
	pthread_mutex_lock(&mailbox->lock);
	struct stream_mail *taken = mailbox->first;

	mailbox->first = NULL;
	mailbox->end = &mailbox->first;
	pthread_mutex_unlock(&mailbox->lock);
	return taken;
}
