/* What session.c and session_io.c share. */
#ifndef ADIT_MOVER_SESSION_INTERNAL_H
#define ADIT_MOVER_SESSION_INTERNAL_H

#include "session.h"

/* Memory for TLS and early frames. 0 or -ENOMEM. */
int session_io_open(struct session *session);
/* Replaces it by memory for packets. 0 or -ENOMEM. */
int session_io_grow(struct session *session);
void session_io_free(struct session *session);
/* Reads the socket once and handles what came. */
void session_io_read(struct session *session);
/* Goes on after a pause. */
void session_io_resume(struct session *session);
/* Sends ciphertext that is there already. True if all of it left. */
bool session_io_send(struct session *session);
/* Watches the socket for what the state needs. */
void session_io_watch(struct session *session);
/* TLS is up: called by session_io.c. */
void session_greeted(struct session *session);
/* A frame that is no packet. */
void session_handle_frame(struct session *session, const struct frame *frame);

#endif
