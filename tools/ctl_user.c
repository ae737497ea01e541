/* Accounts and tickets of the interface. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ctl_commands.h"
#include "tools/ctl_http.h"
#include "tools/ctl_rows.h"
#include "tools/ctl_table.h"

static const char *const levels[] = { "locked", "reads", "administrator" };
enum { LEVELS = sizeof(levels) / sizeof(levels[0]) };

static const char *
level_name(long long level)
{
	return level >= 0 && level < LEVELS ? levels[level] : "?";
}

/* ---- accounts ---- */

static const struct ctl_table_row *
accounts(void)
{
	return rows_table("proto/json/auth");
}

static json_t *
find_account(const json_t *rows, const char *login)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
		if (strcmp(ctl_text(row, "login"), login) == 0)
			return row;
	return NULL;
}

/* A copy of the account, or NULL and told. */
static json_t *
get_account(const struct ctl *ctl, const char *login, int *rc)
{
	json_t *answer, *rows, *row;

	if ((*rc = rows_get(ctl, accounts(), false, &answer, &rows)) != CTL_OK)
		return NULL;
	row = json_deep_copy(find_account(rows, login));
	json_decref(answer);
	if (row == NULL) {
		fprintf(stderr, "uspdctl: there is no account \"%s\"; uspdctl user list shows them\n",
		    login);
		*rc = CTL_FAILED;
	}
	return row;
}

static void
print_accounts(const json_t *rows)
{
	struct table table;
	json_t *row;
	size_t i;

	table_open(&table, 4);
	table_cell(&table, "id");
	table_cell(&table, "login");
	table_cell(&table, "level");
	table_cell(&table, "may");
	json_array_foreach(rows, i, row) {
		table_cell(&table, "%lld", ctl_int(row, "id"));
		table_cell(&table, "%s", ctl_text(row, "login"));
		table_cell(&table, "%lld", ctl_int(row, "lvl"));
		table_cell(&table, "%s", level_name(ctl_int(row, "lvl")));
	}
	table_print(&table, stdout);
	table_free(&table);
}

int
ctl_user_list(const struct ctl *ctl, int argc, char **argv)
{
	json_t *answer, *rows;
	int rc = rows_get(ctl, accounts(), false, &answer, &rows);

	(void)argc;
	(void)argv;
	if (rc != CTL_OK)
		return rc;
	if (ctl->json)
		ctl_print_json(rows);
	else
		print_accounts(rows);
	json_decref(answer);
	return CTL_OK;
}

/* Numbers of accounts are of no use to anybody: the next free one. */
static int
free_id(const struct ctl *ctl, long long *id)
{
	json_t *answer, *rows, *row;
	size_t i;
	int rc = rows_get(ctl, accounts(), false, &answer, &rows);

	*id = 1;
	json_array_foreach(rows, i, row)
		if (ctl_int(row, "id") >= *id)
			*id = ctl_int(row, "id") + 1;
	json_decref(answer);
	return rc;
}

static int
send_account(const struct ctl *ctl, const char *method, json_t *row, const char *password,
    const char *done)
{
	char login[160];
	int rc;

	snprintf(login, sizeof(login), "%s", ctl_text(row, "login"));
	/* An empty one keeps what is there. */
	json_object_set_new(row, "password", json_string(password));
	rc = rows_send(ctl, accounts(), method, "", row);
	if (rc == CTL_OK && !ctl->json)
		printf("account %s: %s\n", login, done);
	return rc;
}

int
ctl_user_add(const struct ctl *ctl, int argc, char **argv)
{
	char password[CTL_SECRET_SIZE];
	long long level = 1, id;
	json_t *row;
	int rc;

	if (!ctl_option_number(&argc, argv, "--level", 0, LEVELS - 1, &level))
		return CTL_USAGE;
	if ((rc = free_id(ctl, &id)) != CTL_OK ||
	    (rc = ctl_ask_secret("password", true, password)) != CTL_OK)
		return rc;
	row = json_pack("{s:I, s:s, s:I}", "id", (json_int_t)id, "login", argv[1], "lvl",
	    (json_int_t)level);
	rc = send_account(ctl, "POST", row, password, "added");
	explicit_bzero(password, sizeof(password));
	return rc;
}

int
ctl_user_password(const struct ctl *ctl, int argc, char **argv)
{
	char password[CTL_SECRET_SIZE];
	json_t *row;
	int rc;

	(void)argc;
	if ((row = get_account(ctl, argv[1], &rc)) == NULL)
		return rc;
	rc = ctl_ask_secret("new password", true, password);
	if (rc == CTL_OK && *password == '\0') {
		fprintf(stderr, "uspdctl: the empty password is none\n");
		rc = CTL_FAILED;
	}
	if (rc == CTL_OK)
		rc = send_account(ctl, "PUT", json_incref(row), password, "has another password now");
	explicit_bzero(password, sizeof(password));
	json_decref(row);
	return rc;
}

int
ctl_user_level(const struct ctl *ctl, int argc, char **argv)
{
	long long level;
	json_t *row;
	int rc;

	(void)argc;
	if (!ctl_number(argv[2], 0, LEVELS - 1, &level))
		return ctl_misuse(ctl, "%s: 2 administrator, 1 reads, 0 locked", argv[2]);
	if ((row = get_account(ctl, argv[1], &rc)) == NULL)
		return rc;
	json_object_set_new(row, "lvl", json_integer(level));
	return send_account(ctl, "PUT", row, "", level_name(level));
}

int
ctl_user_remove(const struct ctl *ctl, int argc, char **argv)
{
	json_t *row, *key;
	int rc;

	(void)argc;
	if ((row = get_account(ctl, argv[1], &rc)) == NULL)
		return rc;
	key = json_pack("[{s:I}]", "id", (json_int_t)ctl_int(row, "id"));
	rc = rows_send(ctl, accounts(), "DELETE", "", key);
	if (rc == CTL_OK && !ctl->json)
		printf("account %s: removed\n", argv[1]);
	json_decref(row);
	return rc;
}

/* ---- tickets ---- */

static void
age_cell(struct table *table, long long seconds)
{
	table_cell(table, "%lld:%02lld:%02lld", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

int
ctl_tickets_list(const struct ctl *ctl, int argc, char **argv)
{
	json_t *answer, *row;
	struct table table;
	long long now;
	size_t i;
	int rc = ctl_call(ctl, "GET", "tickets", NULL, &answer, NULL);

	(void)argc;
	(void)argv;
	if (rc != CTL_OK)
		return rc;
	if (ctl->json) {
		ctl_print_json(answer);
		json_decref(answer);
		return CTL_OK;
	}
	now = ctl_int(answer, "time");
	table_open(&table, 7);
	table_cell(&table, "number");
	table_cell(&table, "login");
	table_cell(&table, "may");
	table_cell(&table, "from");
	table_cell(&table, "logged in for");
	table_cell(&table, "idle for");
	table_cell(&table, "ends in");
	json_array_foreach(json_object_get(answer, "rows"), i, row) {
		table_cell(&table, "%lld", ctl_int(row, "number"));
		table_cell(&table, "%s", ctl_text(row, "login"));
		table_cell(&table, "%s", level_name(ctl_int(row, "lvl")));
		table_cell(&table, "%s", ctl_text(row, "peer"));
		age_cell(&table, now - ctl_int(row, "since"));
		age_cell(&table, now - ctl_int(row, "used"));
		age_cell(&table, ctl_int(row, "until") - now);
	}
	table_print(&table, stdout);
	table_free(&table);
	json_decref(answer);
	return CTL_OK;
}

int
ctl_tickets_end(const struct ctl *ctl, int argc, char **argv)
{
	int rc = CTL_OK;

	for (int i = 1; i < argc && rc == CTL_OK; i++) {
		struct text path = { 0 };
		json_t *answer;
		long long number;

		if (!ctl_number(argv[i], 0, INT64_MAX, &number))
			return ctl_misuse(ctl, "%s is not the number of a ticket", argv[i]);
		text_printf(&path, "tickets/%lld", number);
		rc = ctl_call(ctl, "DELETE", path.p, NULL, &answer, NULL);
		if (rc == CTL_OK && !ctl->json)
			printf("ticket %lld: ended\n", number);
		json_decref(answer);
		text_free(&path);
	}
	return rc;
}
