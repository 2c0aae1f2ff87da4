#include "errno_generic.h"

#include <errno.h>
#include <stddef.h>

#include "check.h"

/* Up to 34 all machines agree. */
static const struct {
	int here;
	int generic;
} rows[] = {
	{ EDEADLK, 35 },	 { ENAMETOOLONG, 36 },	  { ENOLCK, 37 },
	{ ENOSYS, 38 },		 { ENOTEMPTY, 39 },	  { ELOOP, 40 },
	{ ENODATA, 61 },	 { ETIME, 62 },		  { EPROTO, 71 },
	{ EBADMSG, 74 },	 { EOVERFLOW, 75 },	  { EBADFD, 77 },
	{ EILSEQ, 84 },		 { EUSERS, 87 },	  { ENOTSOCK, 88 },
	{ EDESTADDRREQ, 89 },	 { EMSGSIZE, 90 },	  { EPROTOTYPE, 91 },
	{ ENOPROTOOPT, 92 },	 { EPROTONOSUPPORT, 93 }, { ESOCKTNOSUPPORT, 94 },
	{ EOPNOTSUPP, 95 },	 { EPFNOSUPPORT, 96 },	  { EAFNOSUPPORT, 97 },
	{ EADDRINUSE, 98 },	 { EADDRNOTAVAIL, 99 },	  { ENETDOWN, 100 },
	{ ENETUNREACH, 101 },	 { ENETRESET, 102 },	  { ECONNABORTED, 103 },
	{ ECONNRESET, 104 },	 { ENOBUFS, 105 },	  { EISCONN, 106 },
	{ ENOTCONN, 107 },	 { ESHUTDOWN, 108 },	  { ETOOMANYREFS, 109 },
	{ ETIMEDOUT, 110 },	 { ECONNREFUSED, 111 },	  { EHOSTDOWN, 112 },
	{ EHOSTUNREACH, 113 },	 { EALREADY, 114 },	  { EINPROGRESS, 115 },
	{ ESTALE, 116 },	 { EDQUOT, 122 },	  { ECANCELED, 125 },
	{ EKEYREJECTED, 129 },
};

int errno_generic(int error)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (error == -rows[i].here)
			return -rows[i].generic;
	return error;
}
