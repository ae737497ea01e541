/* Who may ask: accounts, their password hashes, tickets, and lock-out (smart-json.md 3).
 *
 * Accounts are the rows of TABLE_ACCOUNTS: {"id", "login", "lvl", "hash"}; the factory row has
 * "password" and "factory" instead of a hash.  A row never holds a password that somebody chose.
 * Hashes are yescrypt (crypt(5)); making or checking one takes long: workers only.  Tickets live in
 * memory.  All functions may be called from any thread. */
#ifndef USPD_SMART_JSON_ACCOUNTS_H
#define USPD_SMART_JSON_ACCOUNTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/err.h"

struct accounts;
struct store;

enum { LOGIN_SIZE = 129, TICKET_SIZE = 21, TICKETS_MOST = 64 };	/* 32 letters of UTF-8; 20 digits */

int accounts_open(struct accounts **, struct store *) USPD_MUST_CHECK;
void accounts_close(struct accounts *);

/* Checks the password and makes a ticket.  E_DENIED wrong or level 0 (which of the two is not
 * told, nor by the time it takes); E_BUSY too many wrong ones from this address: *retry_s.
 * Journals the login.  Worker. */
int accounts_login(struct accounts *, const char *login, const char *password, const char *peer,
    char ticket[static TICKET_SIZE], unsigned *retry_s) USPD_MUST_CHECK;

/* Who must change the factory's password before writing; only accounts that still have it. */
enum must_change { MUST_NOT_CHANGE, MUST_CHANGE_IN_PAGES, MUST_CHANGE };	/* http.force_change */
struct ticket { char login[LOGIN_SIZE]; int level; enum must_change must_change; };
/* The last valid ticket in a Cookie header; prolongs it.  E_DENIED: none. */
int accounts_ticket(struct accounts *, const char *cookie, struct ticket *) USPD_MUST_CHECK;
void accounts_logoff(struct accounts *, const char *cookie);

struct ticket_info { uint64_t number; char login[LOGIN_SIZE]; char peer[64]; int level;
	int64_t since, used, until; };
size_t accounts_tickets(struct accounts *, struct ticket_info *, size_t max);
bool accounts_end_ticket(struct accounts *, uint64_t number);

/* Turns a row as a client sent it into the row that is stored: "password" becomes "hash"; "" keeps
 * the hash of `old` (NULL: a new account, "" is E_INVALID).  Changes *row.  Worker. */
int accounts_seal(json_t *row, const json_t *old) USPD_MUST_CHECK;
/* Rows of the table changed: tickets of accounts that are gone, or whose level or password is
 * another, end. */
void accounts_changed(struct accounts *);

#endif
