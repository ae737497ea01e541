#include "smart-json/accounts.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "smart-json/http_fields.h"
#include "smart-json/lockout.h"
#include "smart-json/password.h"
#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/base/text.h"
#include "src/store/store.h"

enum { LOGIN_JOURNALLED = 16, MINUTE_US = 60000000 };	/* letters: smart-json.md 14 */

/* What a row says. */
struct account {
	char key[24], login[LOGIN_SIZE];
	int level;
	char proof[PASSWORD_HASH_SIZE];	/* the hash, or the factory's password */
	bool factory;
};

/* Times are of the monotonic clock: a step of the device's clock ends nobody's work. */
struct given {
	uint64_t number;
	char digits[TICKET_SIZE], peer[64];
	struct account account;
	int64_t since_us, used_us;
};

struct accounts {
	struct store *store;
	char dummy[PASSWORD_HASH_SIZE];	/* checked where there is no account, to take as long */
	pthread_mutex_t lock;		/* of what follows; never held while hashing */
	struct lockout lockout;
	struct given given[TICKETS_MOST];	/* oldest first */
	size_t n;
	uint64_t last_number;
	uint64_t version;		/* of the table that `given` was last compared with */
};

/* ---- rows ---- */

static const char *
text_of(const json_t *row, const char *name)
{
	const char *text = json_string_value(json_object_get(row, name));

	return text != NULL ? text : "";
}

/* False: no account that could log in. */
static bool
parse_row(const struct table_row *row, struct account *account)
{
	json_t *json = json_loads(row->json, 0, NULL);
	const char *login = text_of(json, "login"), *hash = text_of(json, "hash");
	const char *proof = *hash != '\0' ? hash : text_of(json, "password");
	bool good = *login != '\0' && strlen(login) < sizeof(account->login) && *proof != '\0' &&
	    strlen(proof) < sizeof(account->proof) && strlen(row->key) < sizeof(account->key);

	if (good) {
		*account = (struct account){ .factory = *hash == '\0' };
		memcpy(account->key, row->key, strlen(row->key));
		memcpy(account->login, login, strlen(login));
		memcpy(account->proof, proof, strlen(proof));
		account->level = (int)json_integer_value(json_object_get(json, "lvl"));
	}
	json_decref(json);
	return good;
}

static bool
find_login(struct accounts *a, const char *login, struct account *account)
{
	const struct table_rows *rows = store_table(a->store, TABLE_ACCOUNTS);
	bool found = false;

	for (size_t i = 0; rows != NULL && i < rows->n && !found; i++)
		found = parse_row(&rows->rows[i], account) && strcmp(account->login, login) == 0;
	table_rows_release(rows);
	return found;
}

/* A new account of the same name has a hash of its own; the factory's is the same again when the table
 * is cleared, so that who clears it goes on working. */
static bool
still_stands(const struct table_rows *rows, const struct account *old)
{
	struct account now;

	for (size_t i = 0; i < rows->n; i++)
		if (strcmp(rows->rows[i].key, old->key) == 0)
			return parse_row(&rows->rows[i], &now) && now.level == old->level &&
			    strcmp(now.login, old->login) == 0 && strcmp(now.proof, old->proof) == 0;
	return false;
}

/* ---- tickets; under the lock ---- */

static void
remove_at(struct accounts *a, size_t i)
{
	memmove(&a->given[i], &a->given[i + 1], (a->n - i - 1) * sizeof(a->given[0]));
	a->n--;
	explicit_bzero(&a->given[a->n], sizeof(a->given[0]));
}

static int64_t
until_us(const struct given *g, const struct settings *settings)
{
	return (settings->http_ticket_sliding ? g->used_us : g->since_us) +
	    settings->http_ticket_min * MINUTE_US;
}

static void
drop_expired(struct accounts *a, const struct settings *settings)
{
	int64_t now = clock_mono_us();

	for (size_t i = a->n; i-- > 0;)
		if (until_us(&a->given[i], settings) <= now)
			remove_at(a, i);
}

/* Whatever changed the table, also a restored backup. */
static void
drop_changed(struct accounts *a)
{
	const struct table_rows *rows = store_table(a->store, TABLE_ACCOUNTS);

	if (rows != NULL && rows->version != a->version) {
		for (size_t i = a->n; i-- > 0;)
			if (!still_stands(rows, &a->given[i].account))
				remove_at(a, i);
		a->version = rows->version;
	}
	table_rows_release(rows);
}

static struct given *
find_digits(struct accounts *a, const char *digits)
{
	for (size_t i = 0; i < a->n; i++) {
		unsigned difference = 0;

		for (size_t j = 0; j < TICKET_DIGITS; j++)
			difference |= (unsigned char)(digits[j] ^ a->given[i].digits[j]);
		if (difference == 0)
			return &a->given[i];
	}
	return NULL;
}

/* The last valid one of a field. */
static struct given *
find_cookie(struct accounts *a, const char *cookie)
{
	struct given *found = NULL, *g;
	const char *digits;

	while ((digits = http_cookie_ticket(&cookie)) != NULL)
		if ((g = find_digits(a, digits)) != NULL)
			found = g;
	return found;
}

/* Twenty decimal digits, all from the random source (smart-json.md 3.1). */
static int
draw_digits(char digits[static TICKET_SIZE])
{
	unsigned char bytes[64];
	size_t n = 0;

	while (n < TICKET_DIGITS) {
		if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
			return E_IO;
		for (size_t i = 0; i < sizeof(bytes) && n < TICKET_DIGITS; i++)
			if (bytes[i] < 250) /* each digit equally often */
				digits[n++] = (char)('0' + bytes[i] % 10);
	}
	digits[n] = '\0';
	return E_OK;
}

static int
give_ticket(struct accounts *a, const struct account *account, const char *peer,
    char digits[static TICKET_SIZE])
{
	struct given *g;
	int rc = draw_digits(digits);

	if (rc < 0)
		return rc;
	if (a->n == TICKETS_MOST)
		remove_at(a, 0);
	g = &a->given[a->n++];
	*g = (struct given){ .number = ++a->last_number, .account = *account };
	memcpy(g->digits, digits, TICKET_SIZE);
	snprintf(g->peer, sizeof(g->peer), "%s", peer);
	g->since_us = g->used_us = clock_mono_us();
	return E_OK;
}

/* ---- opening ---- */

int
accounts_open(struct accounts **out, struct store *store)
{
	struct accounts *a = calloc(1, sizeof(*a));
	int rc;

	*out = NULL;
	if (a == NULL)
		return E_NOMEM;
	a->store = store;
	pthread_mutex_init(&a->lock, NULL);
	if ((rc = password_hash("", a->dummy)) < 0) {
		log_error("http", "passwords cannot be hashed: %s", uspd_strerror(rc));
		accounts_close(a);
		return rc;
	}
	*out = a;
	return E_OK;
}

void
accounts_close(struct accounts *a)
{
	if (a == NULL)
		return;
	pthread_mutex_destroy(&a->lock);
	explicit_bzero(a, sizeof(*a));
	free(a);
}

/* ---- login ---- */

/* The same work whether the account is there, has the factory's password, or has another. */
static bool
check_password(const struct accounts *a, const struct account *account, const char *password)
{
	bool hashed = account != NULL && !account->factory;
	bool fits = password_fits(password, hashed ? account->proof : a->dummy);

	if (account != NULL && account->factory)
		fits = password_equal(password, account->proof);
	return fits && account != NULL && account->level > 0;
}

static void
journal(struct accounts *a, const struct account *account)
{
	char name[LOGIN_SIZE];
	size_t len = 0, letters = 0;
	struct text json = { 0 };

	for (; account->login[len] != '\0'; len++)
		if ((account->login[len] & 0xc0) != 0x80 && letters++ == LOGIN_JOURNALLED)
			break;
	snprintf(name, sizeof(name), "%.*s", (int)len, account->login);
	text_str(&json, "{\"login\":");
	text_json(&json, name);
	text_printf(&json, ",\"lvl\":%d}", account->level);
	if (json.failed || store_journal_add(a->store, DJ_AUTH, clock_utc(), json.p) < 0)
		log_warn("http", "a login is not journalled");
	text_free(&json);
}

int
accounts_login(struct accounts *a, const char *login, const char *password, const char *peer,
    char ticket[static TICKET_SIZE], unsigned *retry_s)
{
	struct account account;
	struct settings settings;
	bool found, good;
	int rc = E_DENIED;

	pthread_mutex_lock(&a->lock);
	*retry_s = lockout_wait_s(&a->lockout, peer, clock_mono_us());
	pthread_mutex_unlock(&a->lock);
	if (*retry_s > 0)
		return E_BUSY;
	found = find_login(a, login, &account);
	good = check_password(a, found ? &account : NULL, password);
	store_settings(a->store, &settings);
	pthread_mutex_lock(&a->lock);
	drop_expired(a, &settings);
	if (good)
		rc = give_ticket(a, &account, peer, ticket);
	else
		lockout_wrong(&a->lockout, peer, clock_mono_us());
	/* The account may have changed while its old password was being checked. */
	a->version = 0;
	drop_changed(a);
	pthread_mutex_unlock(&a->lock);
	if (good && rc == E_OK)
		journal(a, &account);
	else
		log_info("http", "peer=%s: login refused", peer);
	explicit_bzero(&account, sizeof(account));
	return rc;
}

/* ---- use ---- */

int
accounts_ticket(struct accounts *a, const char *cookie, struct ticket *ticket)
{
	struct settings settings;
	struct given *g;

	store_settings(a->store, &settings);
	pthread_mutex_lock(&a->lock);
	drop_expired(a, &settings);
	drop_changed(a);
	if ((g = find_cookie(a, cookie)) != NULL) {
		g->used_us = clock_mono_us();
		*ticket = (struct ticket){ .level = g->account.level,
			.must_change = g->account.factory ?
			    (enum must_change)settings.http_force_change :
			    MUST_NOT_CHANGE };
		memcpy(ticket->login, g->account.login, sizeof(ticket->login));
	}
	pthread_mutex_unlock(&a->lock);
	return g != NULL ? E_OK : E_DENIED;
}

void
accounts_logoff(struct accounts *a, const char *cookie)
{
	struct given *g;

	pthread_mutex_lock(&a->lock);
	if ((g = find_cookie(a, cookie)) != NULL)
		remove_at(a, (size_t)(g - a->given));
	pthread_mutex_unlock(&a->lock);
}

size_t
accounts_tickets(struct accounts *a, struct ticket_info *list, size_t max)
{
	int64_t shift_s = clock_utc() - clock_mono_us() / 1000000;
	struct settings settings;
	size_t n;

	store_settings(a->store, &settings);
	pthread_mutex_lock(&a->lock);
	drop_expired(a, &settings);
	drop_changed(a);
	n = a->n < max ? a->n : max;
	for (size_t i = 0; i < n; i++) {
		const struct given *g = &a->given[i];

		list[i] = (struct ticket_info){ .number = g->number, .level = g->account.level };
		list[i].since = g->since_us / 1000000 + shift_s;
		list[i].used = g->used_us / 1000000 + shift_s;
		list[i].until = until_us(g, &settings) / 1000000 + shift_s;
		memcpy(list[i].login, g->account.login, sizeof(list[i].login));
		memcpy(list[i].peer, g->peer, sizeof(list[i].peer));
	}
	pthread_mutex_unlock(&a->lock);
	return n;
}

bool
accounts_end_ticket(struct accounts *a, uint64_t number)
{
	bool found = false;

	pthread_mutex_lock(&a->lock);
	for (size_t i = 0; i < a->n && !found; i++)
		if ((found = a->given[i].number == number))
			remove_at(a, i);
	pthread_mutex_unlock(&a->lock);
	return found;
}

void
accounts_changed(struct accounts *a)
{
	pthread_mutex_lock(&a->lock);
	drop_changed(a);
	pthread_mutex_unlock(&a->lock);
}

/* ---- rows that clients write ---- */

static int
keep_password(json_t *row, const json_t *old, bool factory)
{
	json_object_del(row, "password");
	json_object_del(row, "hash");
	if (!factory)
		return json_object_set(row, "hash", json_object_get(old, "hash")) == 0 ? E_OK : E_NOMEM;
	/* The factory's password stays known as such. */
	return json_object_set(row, "password", json_object_get(old, "password")) == 0 &&
		json_object_set_new(row, "factory", json_true()) == 0 ?
	    E_OK :
	    E_NOMEM;
}

int
accounts_seal(json_t *row, const json_t *old)
{
	const char *password = text_of(row, "password");
	bool factory = old != NULL && *text_of(old, "hash") == '\0';
	char made[PASSWORD_HASH_SIZE];
	int rc;

	json_object_del(row, "factory");
	if (*password == '\0')
		return old != NULL ? keep_password(row, old, factory) : E_INVALID;
	/* The password it has already: its tickets go on. */
	if (factory ? strcmp(password, text_of(old, "password")) == 0 :
		      old != NULL && password_fits(password, text_of(old, "hash")))
		return keep_password(row, old, factory);
	if ((rc = password_hash(password, made)) < 0)
		return rc;
	json_object_del(row, "password");
	rc = json_object_set_new(row, "hash", json_string(made)) == 0 ? E_OK : E_NOMEM;
	explicit_bzero(made, sizeof(made));
	return rc;
}
