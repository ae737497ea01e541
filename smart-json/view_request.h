/* What a request wants done to the rows of a view (smart-json.md 6).  Workers only. */
#ifndef USPD_SMART_JSON_VIEW_REQUEST_H
#define USPD_SMART_JSON_VIEW_REQUEST_H

#include "smart-json/view.h"

struct view_request {
	json_t *body;		/* NULL: none, DELETE clears the table */
	json_t *rows;		/* a list: of rows, or for DELETE of keys and rows; NULL none */
	char at[64];		/* pointer to the list in the body: "/Settings" */
	bool single;		/* there is one row at that place, no list */
};

/* Takes the body apart.  false: the refusal is made. */
bool view_request_read(struct view_request *, const struct view *, struct http_call *);
void view_request_forget(struct view_request *);
/* Changes the rows of the set as POST, PUT or DELETE asks, and looks at the whole.  E_INVALID, E_NOMEM:
 * the fault of the set says. */
int view_request_apply(struct view_set *, const struct view_request *,
    const struct http_call *) USPD_MUST_CHECK;

#endif
