/* Settings of IEC 60870-5-104 (smart-json.md 16): stored and answered, not served. */
#include <stdio.h>
#include <string.h>

#include "smart-json/view_members.h"

/* ---- dictionaries: number and name, fixed ---- */

struct word { int id; const char *name; };

static const struct word templates[] = { { 1, "default" }, { 0, NULL } };

/* Causes of transmission and type identifications: numbers and names of IEC 60870-5-101. */
static const struct word causes[] = {
	{ 1, "CS101_COT_PERIODIC" }, { 2, "CS101_COT_BACKGROUND_SCAN" }, { 3, "CS101_COT_SPONTANEOUS" },
	{ 4, "CS101_COT_INITIALIZED" }, { 5, "CS101_COT_REQUEST" }, { 6, "CS101_COT_ACTIVATION" },
	{ 7, "CS101_COT_ACTIVATION_CON" }, { 8, "CS101_COT_DEACTIVATION" },
	{ 9, "CS101_COT_DEACTIVATION_CON" }, { 10, "CS101_COT_ACTIVATION_TERMINATION" },
	{ 11, "CS101_COT_RETURN_INFO_REMOTE" }, { 12, "CS101_COT_RETURN_INFO_LOCAL" },
	{ 20, "CS101_COT_INTERROGATED_BY_STATION" }, { 0, NULL }
};
static const struct word type_ids[] = {
	{ 1, "M_SP_NA_1" }, { 3, "M_DP_NA_1" }, { 5, "M_ST_NA_1" }, { 7, "M_BO_NA_1" },
	{ 9, "M_ME_NA_1" }, { 11, "M_ME_NB_1" }, { 13, "M_ME_NC_1" }, { 15, "M_IT_NA_1" },
	{ 30, "M_SP_TB_1" }, { 31, "M_DP_TB_1" }, { 32, "M_ST_TB_1" }, { 33, "M_BO_TB_1" },
	{ 34, "M_ME_TD_1" }, { 35, "M_ME_TE_1" }, { 36, "M_ME_TF_1" }, { 37, "M_IT_TB_1" }, { 0, NULL }
};
static const struct { const char *subset; const struct word *words; } dictionaries[] = {
	{ "templates", templates }, { "causes", causes }, { "types", type_ids },
};

static int
add_word(struct view_set *set, int id, const char *name)
{
	return view_set_add(set, "", id, json_pack("{s:i,s:s}", "id", id, "name", name));
}

/* Values: the channels of input modules, then the tags of energy and quality. */
static int
load_values(struct view_set *set)
{
	static const enum record_type types[] = { REC_DIG_MOMENT, REC_EL_MOMENT_ENERGY,
		REC_EL_MOMENT_QUALITY };
	int rc = E_OK, id = 0;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		for (unsigned slot = 0; slot < value_slots(types[i]) && rc == E_OK; slot++)
			rc = add_word(set, ++id, value_tag(types[i], slot));
	return rc;
}

static int
load_words(struct view_set *set)
{
	int rc = E_OK;

	if (strcmp(set->view->subset, "values") == 0)
		return load_values(set);
	for (size_t i = 0; i < sizeof(dictionaries) / sizeof(dictionaries[0]); i++) {
		const struct word *word = dictionaries[i].words;

		if (strcmp(dictionaries[i].subset, set->view->subset) != 0)
			continue;
		for (; word->name != NULL && rc == E_OK; word++)
			rc = add_word(set, word->id, word->name);
	}
	return rc;
}

const struct view_source view_words = { load_words, NULL };

/* ---- tables ---- */

static const struct member words_members[] = {
	{ ID(1) }, { TEXT("name", M_REQUIRED, 1, 64) }, END
};
static const struct member mapioa[] = {
	{ INT("IOA", M_REQUIRED, 0, 16777215) }, { TEXT("valueName", M_REQUIRED, 0, 64) },
	{ INT("meterId", M_REQUIRED, 0, INT32_MAX) }, END
};
static const struct member iec_settings[] = {
	{ INT("CASDU", M_REQUIRED, 0, 65535) }, { INT("k", M_REQUIRED, 0, 32767) },
	{ INT("w", M_REQUIRED, 0, 32767) },
	{ INT("t0", M_REQUIRED, 0, 255) }, { INT("t1", M_REQUIRED, 0, 255) },
	{ INT("t2", M_REQUIRED, 0, 255) },
	{ INT("t3", M_REQUIRED, 0, 172800) }, { INT("periodicSendTime", M_REQUIRED, 0, 86400) },
	{ INT("qualityTime", M_REQUIRED, 0, 86400) },
	{ INT("spontaneousCheckTime", M_REQUIRED, 0, 86400) },
	{ INT("pollerTime", M_REQUIRED, 0, 86400) }, END
};
static const struct member iec_template[] = {
	{ ID(1) }, { INT("IOA", M_REQUIRED, 0, 16777215) },
	{ INT("meterId", M_REQUIRED, 0, INT32_MAX) },
	{ INT("templateNameId", M_REQUIRED, 0, INT32_MAX) }, END
};
static const struct member iec_causes[] = {
	{ TEXT("COTTypeName", M_REQUIRED, 0, 64) }, { INT("IOA", M_REQUIRED, 0, 16777215) },
	{ TEXT("typeIdName", M_REQUIRED, 0, 64) }, END
};

#define IEC "settings/iec60870_5_104/"
#define WORDS(name, words) { IEC name, DIALECT_40, .source = &view_words, .subset = words, \
	.key = "id", .members = words_members }
const struct view views_iec[] = {
	WORDS("value_description", "values"),
	WORDS("template_name", "templates"),
	WORDS("cot_types", "causes"),
	WORDS("type_id_types", "types"),
	{ IEC "mapioa", DIALECT_40, VIEW_LIST, V_EMPTIES, &view_tables, TABLE_IEC_MAPIOA, .key = "IOA",
	    .members = mapioa },
	{ IEC "iec60870_settings", DIALECT_40, VIEW_ONE, V_NO_DELETE, &view_tables, TABLE_IEC_SETTINGS,
	    .members = iec_settings },
	{ IEC "iec60870_template", DIALECT_40, VIEW_KEYED, V_EMPTIES, &view_tables, TABLE_IEC_TEMPLATE,
	    .key = "id", .members = iec_template },
	{ IEC "iec60870_cot_values", DIALECT_40, VIEW_LIST, V_EMPTIES | V_REPEATS, &view_tables,
	    TABLE_IEC_COT, .key = "IOA", .members = iec_causes },
	{ NULL }
};
