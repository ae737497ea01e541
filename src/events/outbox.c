/* A file is one line, the head as JSON, and the payload.  Its name is its number in 16 hexadecimal
 * digits: sorted by name is sorted by age.  A number is the time of its making in microseconds, or one
 * more than the last where the clock went back, so that it is not given again after a restart. */
#include "src/events/outbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/base/text.h"

enum { NAME_DIGITS = 16, PATH_MOST = 512, HEAD_MOST = 4096, BLOCK = 4096 };
#define DEFAULT_LIMIT (UINT64_C(64) << 20)
#define SECOND_US INT64_C(1000000)

struct entry {
	uint64_t number, bytes;		/* bytes: whole blocks of the disk */
	struct outbox_place place;
	int64_t since_us;		/* monotonic; so old was it when we learnt of it: */
	int64_t age_s;
};

struct outbox {
	char dir[PATH_MOST - 32];
	void (*lost)(void *arg, const struct outbox_head *);
	void *arg;
	pthread_mutex_t lock;
	struct entry *entries;		/* by number */
	size_t n, room;
	uint64_t last, bytes, limit, n_lost;
};

/* ---- files ---- */

static void
path_of(const struct outbox *o, uint64_t number, const char *suffix, char path[static PATH_MOST])
{
	snprintf(path, PATH_MOST, "%s/%016" PRIx64 "%s", o->dir, number, suffix);
}

static uint64_t
blocks(uint64_t len)
{
	return (len + BLOCK - 1) / BLOCK * BLOCK;
}

static int
error_of(int number)
{
	if (number == ENOSPC || number == EDQUOT)
		return E_FULL;
	return number == ENOENT ? E_NOTFOUND : number == ENOMEM ? E_NOMEM : E_IO;
}

static int
write_all(int fd, const char *p, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_of(errno);
		p += n;
		len -= (size_t)n;
	}
	return E_OK;
}

static int
sync_dir(const struct outbox *o)
{
	int fd = open(o->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = E_OK;

	if (fd < 0 || fsync(fd) < 0)
		rc = error_of(errno);
	if (fd >= 0)
		close(fd);
	return rc;
}

static int
write_file(const struct outbox *o, uint64_t number, const struct text *head, const char *payload,
    size_t len)
{
	char part[PATH_MOST], path[PATH_MOST];
	int fd, rc;

	path_of(o, number, ".part", part);
	path_of(o, number, "", path);
	fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_of(errno);
	rc = write_all(fd, head->p, head->len);
	if (rc == E_OK)
		rc = write_all(fd, payload, len);
	if (rc == E_OK && fsync(fd) < 0)
		rc = error_of(errno);
	if (close(fd) < 0 && rc == E_OK)
		rc = error_of(errno);
	if (rc == E_OK && rename(part, path) < 0)
		rc = error_of(errno);
	if (rc == E_OK)
		rc = sync_dir(o);
	if (rc < 0) {
		unlink(part);
		unlink(path);
	}
	return rc;
}

static int
read_file(const struct outbox *o, uint64_t number, struct text *whole)
{
	char path[PATH_MOST], piece[16384];
	int fd, rc = E_OK;
	ssize_t n;

	path_of(o, number, "", path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_of(errno);
	while ((n = read(fd, piece, sizeof(piece))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			rc = E_IO;
			break;
		}
		text_add(whole, piece, (size_t)n);
	}
	close(fd);
	return rc == E_OK && whole->failed ? E_NOMEM : rc;
}

/* ---- heads ---- */

static void
print_head(struct text *t, const struct outbox_head *h, size_t len)
{
	text_printf(t,
	    "{\"kind\":%d,\"id\":%" PRId64 ",\"message\":\"%016" PRIx64 "\",\"part\":%u,\"parts\":%u"
	    ",\"content\":%" PRId64 ",\"to\":%" PRId64 ",\"created\":%" PRId64 ",\"delay\":%" PRIu32
	    ",\"len\":%zu,\"topic\":",
	    (int)h->place.kind, h->place.id, h->message, h->part, h->parts, h->content, h->to,
	    h->created, h->delay_s, len);
	text_json(t, h->topic);
	text_str(t, "}\n");
}

static int64_t
number_in(const json_t *row, const char *name)
{
	return json_integer_value(json_object_get(row, name));
}

/* The head, and where the payload begins; the whole file has size bytes. */
static int
parse_head(const char *file, size_t size, struct outbox_head *h, size_t *payload)
{
	const char *end = memchr(file, '\n', size < HEAD_MOST ? size : HEAD_MOST);
	json_t *row = end != NULL ? json_loadb(file, (size_t)(end - file), 0, NULL) : NULL;
	const char *topic = json_string_value(json_object_get(row, "topic"));
	const char *message = json_string_value(json_object_get(row, "message"));
	int64_t kind = number_in(row, "kind");
	int rc = E_FRAME;

	if (row != NULL && topic != NULL && message != NULL && strlen(topic) <= OUTBOX_TOPIC_MOST &&
	    kind >= 0 && kind < OUTBOX_KINDS &&
	    number_in(row, "len") == (int64_t)(size - (size_t)(end - file) - 1)) {
		h->place = (struct outbox_place){ (enum outbox_kind)kind, number_in(row, "id") };
		h->message = strtoull(message, NULL, 16);
		h->part = (unsigned)number_in(row, "part");
		h->parts = (unsigned)number_in(row, "parts");
		h->content = number_in(row, "content");
		h->to = number_in(row, "to");
		h->created = number_in(row, "created");
		h->delay_s = (uint32_t)number_in(row, "delay");
		snprintf(h->topic, sizeof(h->topic), "%s", topic);
		*payload = (size_t)(end - file) + 1;
		rc = E_OK;
	}
	json_decref(row);
	return rc;
}

static int
load(const struct outbox *o, uint64_t number, struct text *whole, struct outbox_head *h,
    size_t *payload)
{
	int rc = read_file(o, number, whole);

	h->number = number;
	if (rc == E_OK)
		rc = whole->len > 0 ? parse_head(whole->p, whole->len, h, payload) : E_FRAME;
	return rc;
}

/* ---- index ---- */

static int
grow(struct outbox *o)
{
	size_t room = o->room > 0 ? o->room * 2 : 64;
	struct entry *entries;

	if (o->n < o->room)
		return E_OK;
	entries = reallocarray(o->entries, room, sizeof(*entries));
	if (entries == NULL)
		return E_NOMEM;
	o->entries = entries;
	o->room = room;
	return E_OK;
}

static size_t
place_of(const struct outbox *o, uint64_t number)
{
	size_t from = 0, to = o->n;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (o->entries[middle].number < number)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static void
forget(struct outbox *o, size_t i)
{
	o->bytes -= o->entries[i].bytes;
	memmove(&o->entries[i], &o->entries[i + 1], (o->n - i - 1) * sizeof(*o->entries));
	o->n--;
}

static int64_t
age_of(const struct entry *e)
{
	return e->age_s + (clock_mono_us() - e->since_us) / SECOND_US;
}

/* ---- opening ---- */

static int
compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

static int
take_over(struct outbox *o, uint64_t number)
{
	struct text whole = { 0 };
	struct outbox_head h = { 0 };
	size_t payload = 0;
	int64_t age = 0;
	char path[PATH_MOST];
	int rc = load(o, number, &whole, &h, &payload);

	if (rc == E_OK && (rc = grow(o)) == E_OK) {
		age = clock_utc() - h.created;
		o->entries[o->n++] = (struct entry){ number, blocks(whole.len), h.place,
			clock_mono_us(), age > 0 ? age : 0 };
		o->bytes += blocks(whole.len);
	} else if (rc == E_FRAME) {
		log_warn("outbox", "message %016" PRIx64 " is damaged and was removed", number);
		path_of(o, number, "", path);
		unlink(path);
		rc = E_OK;
	}
	text_free(&whole);
	return rc;
}

static int
take_over_all(struct outbox *o)
{
	DIR *dir = opendir(o->dir);
	struct dirent *file;
	int rc = dir != NULL ? E_OK : error_of(errno);

	while (rc == E_OK && (file = readdir(dir)) != NULL) {
		char path[PATH_MOST];
		char *end;
		uint64_t number = strtoull(file->d_name, &end, 16);

		if (end - file->d_name != NAME_DIGITS)
			continue;
		if (*end == '\0') {
			o->last = number > o->last ? number : o->last;
			rc = take_over(o, number);
		} else if (strcmp(end, ".part") == 0) {
			path_of(o, number, ".part", path);
			unlink(path);
		}
	}
	if (dir != NULL)
		closedir(dir);
	if (o->n > 0)
		qsort(o->entries, o->n, sizeof(*o->entries), compare);
	return rc;
}

int
outbox_open(struct outbox **made, const struct outbox_options *options)
{
	struct outbox *o = calloc(1, sizeof(*o));
	int rc = E_NOMEM;

	*made = NULL;
	if (o == NULL)
		return E_NOMEM;
	pthread_mutex_init(&o->lock, NULL);
	o->limit = DEFAULT_LIMIT;
	o->lost = options->lost;
	o->arg = options->arg;
	if (strlen(options->dir) >= sizeof(o->dir))
		rc = E_LIMIT;
	else {
		snprintf(o->dir, sizeof(o->dir), "%s", options->dir);
		rc = mkdir(o->dir, 0700) < 0 && errno != EEXIST ? error_of(errno) : take_over_all(o);
	}
	if (rc < 0) {
		outbox_close(o);
		return rc;
	}
	*made = o;
	return E_OK;
}

void
outbox_close(struct outbox *o)
{
	if (o == NULL)
		return;
	pthread_mutex_destroy(&o->lock);
	free(o->entries);
	free(o);
}

void
outbox_limit(struct outbox *o, uint64_t bytes)
{
	pthread_mutex_lock(&o->lock);
	o->limit = bytes;
	pthread_mutex_unlock(&o->lock);
}

/* ---- use ---- */

uint64_t
outbox_number(struct outbox *o)
{
	uint64_t now = (uint64_t)clock_utc_us(), number;

	pthread_mutex_lock(&o->lock);
	number = now > o->last ? now : o->last + 1;
	o->last = number;
	pthread_mutex_unlock(&o->lock);
	return number;
}

static void
drop(struct outbox *o, uint64_t number)
{
	struct text whole = { 0 };
	struct outbox_head h = { 0 };
	size_t payload = 0;

	if (load(o, number, &whole, &h, &payload) == E_OK && o->lost != NULL)
		o->lost(o->arg, &h);
	text_free(&whole);
	pthread_mutex_lock(&o->lock);
	o->n_lost++;
	pthread_mutex_unlock(&o->lock);
	outbox_remove(o, number);
}

/* The oldest go until `bytes` fit. */
static int
make_room(struct outbox *o, uint64_t bytes)
{
	for (;;) {
		uint64_t oldest = 0;
		bool fits;

		pthread_mutex_lock(&o->lock);
		fits = o->bytes + bytes <= o->limit;
		if (!fits && o->n > 0)
			oldest = o->entries[0].number;
		pthread_mutex_unlock(&o->lock);
		if (fits)
			return E_OK;
		if (oldest == 0)
			return E_FULL;
		drop(o, oldest);
	}
}

int
outbox_put(struct outbox *o, const struct outbox_head *h, const char *payload, size_t len)
{
	struct text head = { 0 };
	uint64_t bytes;
	size_t i;
	int rc = E_NOMEM;

	print_head(&head, h, len);
	if (head.failed)
		goto out;
	bytes = blocks(head.len + len);
	if ((rc = make_room(o, bytes)) < 0 || (rc = write_file(o, h->number, &head, payload, len)) < 0)
		goto out;
	pthread_mutex_lock(&o->lock);
	if ((rc = grow(o)) == E_OK) {
		i = place_of(o, h->number);
		memmove(&o->entries[i + 1], &o->entries[i], (o->n - i) * sizeof(*o->entries));
		o->entries[i] = (struct entry){ h->number, bytes, h->place, clock_mono_us(), 0 };
		o->n++;
		o->bytes += bytes;
	}
	pthread_mutex_unlock(&o->lock);
out:
	text_free(&head);
	return rc;
}

bool
outbox_next(struct outbox *o, struct outbox_place place, uint64_t after, struct outbox_head *h,
    int64_t *age_s)
{
	for (;;) {
		struct text whole = { 0 };
		size_t i, payload = 0;
		int rc = E_NOTFOUND;

		pthread_mutex_lock(&o->lock);
		for (i = place_of(o, after + 1); i < o->n; i++)
			if (o->entries[i].place.kind == place.kind &&
			    o->entries[i].place.id == place.id)
				break;
		if (i < o->n) {
			after = o->entries[i].number;
			*age_s = age_of(&o->entries[i]);
			rc = E_OK;
		}
		pthread_mutex_unlock(&o->lock);
		if (rc < 0)
			return false;
		rc = load(o, after, &whole, h, &payload);
		text_free(&whole);
		if (rc == E_OK)
			return true;
		log_warn("outbox", "message %016" PRIx64 " cannot be read: %s", after,
		    uspd_strerror(rc));
		if (rc == E_FRAME || rc == E_NOTFOUND)
			outbox_remove(o, after);
	}
}

int
outbox_payload(struct outbox *o, uint64_t number, char **payload, size_t *len)
{
	struct text whole = { 0 };
	struct outbox_head h = { 0 };
	size_t at = 0;
	int rc = load(o, number, &whole, &h, &at);

	*payload = NULL;
	if (rc == E_OK) {
		*len = whole.len - at;
		*payload = malloc(*len + 1);
		rc = *payload != NULL ? E_OK : E_NOMEM;
	}
	if (rc == E_OK) {
		memcpy(*payload, whole.p + at, *len);
		(*payload)[*len] = '\0';
	}
	text_free(&whole);
	return rc;
}

void
outbox_remove(struct outbox *o, uint64_t number)
{
	char path[PATH_MOST];
	size_t i;

	pthread_mutex_lock(&o->lock);
	i = place_of(o, number);
	if (i < o->n && o->entries[i].number == number)
		forget(o, i);
	pthread_mutex_unlock(&o->lock);
	path_of(o, number, "", path);
	if (unlink(path) < 0 && errno != ENOENT)
		log_warn("outbox", "message %016" PRIx64 " cannot be removed: it will be sent again",
		    number);
}

size_t
outbox_places(struct outbox *o, struct outbox_place *places, size_t max)
{
	size_t n = 0, k;

	pthread_mutex_lock(&o->lock);
	for (size_t i = 0; i < o->n; i++) {
		const struct outbox_place *is = &o->entries[i].place;

		for (k = 0; k < n; k++)
			if (places[k].kind == is->kind && places[k].id == is->id)
				break;
		if (k == n && n < max)
			places[n++] = *is;
	}
	pthread_mutex_unlock(&o->lock);
	return n;
}

void
outbox_stats(struct outbox *o, struct outbox_stats *stats)
{
	pthread_mutex_lock(&o->lock);
	*stats = (struct outbox_stats){ o->n, o->bytes, o->n_lost };
	pthread_mutex_unlock(&o->lock);
}
