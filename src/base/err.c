#include "src/base/err.h"

static const char *const texts[E_COUNT] = {
	"ok",
#define ROW(name, text) text,
	USPD_ERRORS(ROW)
#undef ROW
};

static const char *const names[E_COUNT] = {
	"E_OK",
#define ROW(name, text) #name,
	USPD_ERRORS(ROW)
#undef ROW
};

const char *
uspd_strerror(int err)
{
	return err <= 0 && err > -E_COUNT ? texts[-err] : "unknown error";
}

const char *
uspd_errname(int err)
{
	return err <= 0 && err > -E_COUNT ? names[-err] : "E_?";
}
