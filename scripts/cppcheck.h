/* Macros of libraries that cppcheck meets without their headers: loops written without braces. */
#define LIST_FOREACH(var, head, field) for ((var) = (head)->first; (var); (var) = (var)->field.next)
#define SLIST_FOREACH LIST_FOREACH
#define STAILQ_FOREACH LIST_FOREACH
#define TAILQ_FOREACH LIST_FOREACH
#define json_array_foreach(array, i, value) for ((i) = 0; ((value) = json_array_get(array, i)) != NULL; (i)++)
#define json_object_foreach(object, key, value) \
	for ((key) = next(object); ((value) = json_object_get(object, key)) != NULL;)
