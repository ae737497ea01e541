#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/err.h"
#include "src/store/archive_sql.h"
#include "tools/ctl_commands.h"

/* The archive of a data directory, opened read-only beside the daemon; rows are printed with tabs. */

enum { QUERY_MOST = 1 << 20 };

static void
print_row(sqlite3_stmt *stmt, bool header)
{
	int n = sqlite3_column_count(stmt);

	for (int i = 0; i < n; i++) {
		const char *text = header ? sqlite3_column_name(stmt, i) :
					    (const char *)sqlite3_column_text(stmt, i);

		printf("%s%s", i > 0 ? "\t" : "", text != NULL ? text : "");
	}
	printf("\n");
}

/* Runs all statements of a text. */
static int
run(sqlite3 *db, const char *sql)
{
	while (*sql != '\0') {
		sqlite3_stmt *stmt = NULL;
		bool first = true;
		int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, &sql);

		while (rc == SQLITE_OK && stmt != NULL && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
			if (first)
				print_row(stmt, true);
			print_row(stmt, false);
			first = false;
			rc = SQLITE_OK;
		}
		sqlite3_finalize(stmt);
		if (rc != SQLITE_OK && rc != SQLITE_DONE) {
			fprintf(stderr, "uspdctl: %s\n", sqlite3_errmsg(db));
			return CTL_FAILED;
		}
	}
	return CTL_OK;
}

/* Statements from stdin, each run when its ';' has come. */
static int
run_input(sqlite3 *db)
{
	bool person = isatty(STDIN_FILENO);
	char *query = calloc(1, QUERY_MOST), *line = NULL;
	size_t len = 0, size = 0;
	ssize_t n;
	int rc = CTL_OK;

	if (person)
		fprintf(stderr,
		    "statements end with ';'; Ctrl-D ends; tables are in sqlite_schema\nsql> ");
	while (query != NULL && (n = getline(&line, &size, stdin)) > 0) {
		if (len + (size_t)n >= QUERY_MOST) {
			fprintf(stderr, "uspdctl: the statement is too long\n");
			rc = CTL_FAILED;
			break;
		}
		memcpy(query + len, line, (size_t)n + 1);
		len += (size_t)n;
		if (sqlite3_complete(query)) {
			rc = run(db, query);
			len = 0;
			if (rc != CTL_OK && !person)
				break;
		}
		if (person)
			fprintf(stderr, len == 0 ? "sql> " : "  -> ");
	}
	if (len > 0 && rc == CTL_OK)
		rc = run(db, query);
	free(query);
	free(line);
	return rc;
}

int
ctl_sql(const struct ctl *ctl, int argc, char **argv)
{
	sqlite3 *db = NULL;
	int rc;

	(void)ctl;
	if ((rc = archive_sql_open(&db, argv[1])) < 0) {
		fprintf(stderr, "uspdctl: %s/archive.db: %s\n", argv[1], uspd_strerror(rc));
		return CTL_FAILED;
	}
	rc = argc == 3 ? run(db, argv[2]) : run_input(db);
	sqlite3_close(db);
	return rc;
}
