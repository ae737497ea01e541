#include "tools/ctl_commands.h"

#define OPT(name, help) { "--" name, NULL, WORDS_NONE, help }
#define VAL(name, value, words, help) { "--" name, value, words, help }
#define FROM VAL("from", "TIME", WORDS_NONE, "2024-06-01, 2024-06-01T12:00 or unix seconds")
#define TO VAL("to", "TIME", WORDS_NONE, "the period includes both ends")
#define DRY OPT("dry-run", "only tell what would change")
#define FILE_HELP "take JSON from this file; - is the standard input"

#define METER_HELP "  METER  id or serial number"
#define NAME_VALUE "  NAME=VALUE  members of the row; lists and objects as JSON"

const struct ctl_option ctl_globals[] = {
	VAL("url", "URL", WORDS_NONE, "the daemon, default http://127.0.0.1:8080 (or USPD_URL)"),
	VAL("token", "T", WORDS_NONE, "content of api.token of the data directory (or USPD_TOKEN)"),
	VAL("token-file", "FILE", WORDS_FILE,
	    "the file itself; default for this machine /var/lib/uspd/api.token"),
	OPT("json", "answers as JSON; also behind the command"),
	OPT("version", "the version of uspdctl"),
	OPT("help", "this help; behind a command, that of the command"),
	{ NULL }
};

const struct ctl_command ctl_commands[] = {
	{ "status", "", 0, 0, { 0 }, "what the device does now", ctl_status,
	    { OPT("watch", "draw it anew every two seconds") } },

	{ "meter list", "[TEXT]", 0, 1, { 0 }, "the meter table and the state of the links",
	    ctl_meter_list,
	    { VAL("bus", "BUS", WORDS_IFACE, "of this interface"),
		VAL("type", "TYPE", WORDS_TYPE, "of this type"),
		VAL("state", "STATE", WORDS_STATE, "whose link is in this state"),
		VAL("sort", "COLUMN", WORDS_NONE, "by this column, descending with - in front"),
		VAL("limit", "N", WORDS_NONE, "at most so many") },
	    "  TEXT  is searched in id, address, type, serial number, group and note" },
	{ "meter add", "NAME=VALUE...", 1, CTL_ANY, { 0 },
	    "add a meter, or change the one with this id", ctl_meter_add, { DRY },
	    "  A new meter needs type, addr and iface; id is given when it is not named.\n"
	    "  Also: parent cfg pass_rd pass_wr rtu_type rtu_num rtu_feeder rtu_serial group note" },
	{ "meter remove", "ID...", 1, CTL_ANY, { 0 }, "remove meters and their archives",
	    ctl_meter_remove, { { 0 } } },
	{ "meter import", "FILE", 1, 1, { WORDS_FILE },
	    "import the table, CSV or XLSX, whole or not at all", ctl_meter_import,
	    { DRY, OPT("replace", "remove meters that are not in the file") } },
	{ "meter export", "[FILE]", 0, 1, { WORDS_FILE },
	    "export the table as CSV, or XLSX by the file's name", ctl_meter_export,
	    { OPT("passwords", "with the passwords of meters"),
		OPT("english", "English names of columns") } },

	{ "poll", "[ID...]", 0, CTL_ANY, { 0 }, "read what is missing of meters, or of all, now",
	    ctl_poll,
	    { VAL("types", "T,...", WORDS_MEASURE, "only these record types or journals"), FROM, TO,
		OPT("again", "also what is stored already"), OPT("watch", "show the progress"),
		OPT("until-complete",
		    "until the archive holds all that meters which answer can give"),
		VAL("timeout", "SECONDS", WORDS_NONE, "watch no longer; the daemon goes on") } },
	{ "read", "METER MEASURE [FROM [TO]]", 2, 5, { WORDS_NONE, WORDS_MEASURE, WORDS_NONE },
	    "the archive of one meter", ctl_read,
	    { OPT("csv", "with commas"), VAL("limit", "N", WORDS_NONE, "the oldest so many"),
		VAL("last", "N", WORDS_NONE, "the newest so many"),
		VAL("tags", "T,...", WORDS_NONE, "only these columns, as A+0,R+0") },
	    METER_HELP "\n"
	    "  MEASURE    day month profile daycons monthcons energy quality config, journal NAME,\n"
	    "             or a name like ElDayEnergy\n"
	    "  FROM TO    2024-06-01, 2024-06-01T12:00, or unix seconds" },

	{ "ping", "METER", 1, 1, { 0 }, "does a meter answer, and how fast", ctl_ping,
	    { VAL("count", "N", WORDS_NONE, "ask so many times, default 1") }, METER_HELP },
	{ "clock", "METER", 1, 1, { 0 }, "the clock of a meter against that of the device", ctl_clock,
	    { OPT("sync", "bring it to the time of the device first") }, METER_HELP },
	{ "relay", "METER N on|off|?", 3, 3, { WORDS_NONE, WORDS_NONE, WORDS_SWITCH },
	    "switch relay N of a meter, or ask how it stands", ctl_relay, { { 0 } }, METER_HELP },

	{ "trace", "BUS", 1, 1, { WORDS_BUS }, "traffic of a bus as it passes", ctl_trace,
	    { VAL("out", "FILE", WORDS_FILE, "write pcapng for Wireshark; - is the standard output"),
		VAL("seconds", "N", WORDS_NONE, "end after so long; else with Ctrl-C") },
	    "  BUS  1 to 4, or Iface1 to Iface4" },
	{ "scan", "BUS TYPE FROM-TO", 3, 3, { WORDS_BUS, WORDS_TYPE, WORDS_NONE },
	    "which addresses of a bus answer", ctl_scan,
	    { VAL("settings", "9600,8n1,...", WORDS_NONE, "line settings to try, at most four"),
		VAL("password", "HEX", WORDS_NONE, "instead of the usual one of the type") },
	    "  TYPE  whose protocol is spoken, as Mercury23x; Ctrl-C stops the scan" },
	{ "raw", "BUS HEX...", 2, CTL_ANY, { WORDS_BUS, WORDS_NONE },
	    "send bytes and show what comes back", ctl_raw,
	    { VAL("settings", "9600,8n1", WORDS_NONE, "instead of those of the bus"),
		VAL("checksum", "KIND", WORDS_CHECKSUM, "appended: none, crc16-modbus, mercury"),
		VAL("answer", "MS", WORDS_NONE, "wait so long for the first byte, default 1000"),
		VAL("silence", "MS", WORDS_NONE, "the answer ends after such a pause, default 50") } },

	{ "journal", "[NAME]", 0, 1, { WORDS_JOURNAL },
	    "a journal of the device; alone: which there are", ctl_journal,
	    { FROM, TO, VAL("limit", "N", WORDS_NONE, "the newest so many, default 50; 0: all"),
		OPT("follow", "go on with rows as they come") } },

	{ "settings", "[KEY [VALUE]]", 0, 2, { WORDS_SETTING, WORDS_NONE },
	    "list the settings of the daemon, print or set one", ctl_settings, { { 0 } } },
	{ "settings get", "[TABLE|KEY]", 0, 1, { WORDS_NAMED },
	    "print settings, one of them, or a table", ctl_settings_get,
	    { OPT("full", "with the members that are ours, not of SMART-JSON") },
	    "  TABLE  as uspdctl settings tables lists them" },
	{ "settings put", "TABLE NAME=VALUE... | KEY=VALUE...", 0, CTL_ANY,
	    { WORDS_NAMED, WORDS_NONE }, "change rows of a table, or settings", ctl_settings_put,
	    { VAL("file", "FILE", WORDS_FILE, FILE_HELP),
		OPT("replace", "rows of the table that are not in the file are removed"),
		OPT("cascade", "with replaced rows those that refer to them go, too") },
	    "  TABLE       the row is found by its key; members not named stay; a new row needs all\n"
	    "  KEY=VALUE   settings of the daemon; KEY VALUE does it, too\n" NAME_VALUE },
	{ "settings add", "TABLE NAME=VALUE...", 1, CTL_ANY, { WORDS_TABLE, WORDS_NONE },
	    "add a row to a table; refused when it is there", ctl_settings_add,
	    { VAL("file", "FILE", WORDS_FILE, FILE_HELP) }, NAME_VALUE },
	{ "settings delete", "TABLE KEY...", 1, CTL_ANY, { WORDS_TABLE, WORDS_NONE },
	    "remove rows of a table by their keys", ctl_settings_delete,
	    { OPT("all", "all rows; tables that cannot be empty become as from the factory"),
		OPT("cascade", "rows that refer to them go, too") } },
	{ "settings tables", "", 0, 0, { 0 }, "which tables there are", ctl_settings_tables,
	    { { 0 } } },

	{ "backup", "FILE", 1, 1, { WORDS_FILE }, "the whole configuration into a file", ctl_backup,
	    { OPT("secrets", "also passwords and keys, sealed with a pass-phrase that is asked for") },
	    "  FILE  - is the standard output" },
	{ "restore", "FILE", 1, 1, { WORDS_FILE }, "bring the configuration of such a file back",
	    ctl_restore,
	    { DRY, OPT("secrets", "also what is sealed in it; the pass-phrase is asked for") } },

	{ "user list", "", 0, 0, { 0 }, "accounts of the interface", ctl_user_list, { { 0 } } },
	{ "user add", "LOGIN", 1, 1, { 0 }, "add an account; its password is asked for", ctl_user_add,
	    { VAL("level", "0|1|2", WORDS_LEVEL, "2 administrator, 1 reads (default), 0 locked") } },
	{ "user password", "LOGIN", 1, 1, { 0 }, "change a password; it is asked for",
	    ctl_user_password, { { 0 } } },
	{ "user level", "LOGIN 0|1|2", 2, 2, { WORDS_NONE, WORDS_LEVEL },
	    "change what an account may do", ctl_user_level, { { 0 } } },
	{ "user remove", "LOGIN", 1, 1, { 0 }, "remove an account", ctl_user_remove, { { 0 } } },
	{ "tickets list", "", 0, 0, { 0 }, "who is logged in", ctl_tickets_list, { { 0 } } },
	{ "tickets end", "NUMBER...", 1, CTL_ANY, { 0 }, "log them out", ctl_tickets_end, { { 0 } } },
	{ "audit", "", 0, 0, { 0 }, "who changed what", ctl_audit,
	    { FROM, TO, VAL("limit", "N", WORDS_NONE, "the newest so many, default 50") } },

	{ "sql", "DIR [QUERY]", 1, 2, { WORDS_FILE, WORDS_NONE },
	    "the archive in a data directory as SQL, read-only", ctl_sql, { { 0 } } },
	{ "rtu327", "HOST:PORT QUESTION [SECONDS]", 2, 3, { WORDS_NONE, WORDS_QUESTION, WORDS_NONE },
	    "ask like a head-end, over RTU-327", ctl_rtu327,
	    { VAL("serial", "N", WORDS_NONE, "serial number of the meter, up to ten digits"),
		VAL("from", "TIME", WORDS_NONE,
		    "2024-06-01, 2024-06-01T12:00+03:00 or unix seconds; for log an id"),
		TO, VAL("count", "N", WORDS_NONE,
		    "one request for at most N; else everything is fetched"),
		VAL("channels", "LIST", WORDS_NONE, "of A+,A-,R+,R-; autoread takes the first"),
		VAL("password", "P", WORDS_NONE,
		    "eight hexadecimal digits or up to four characters, default 00000000"),
		VAL("timeout", "SECONDS", WORDS_NONE, "wait so long for an answer, default 10"),
		OPT("crc-unsigned", "checksum variant of odd servers") },
	    "  version, time, settime SECONDS           the concentrator and its clock (moved)\n"
	    "  shprm, pok, lp, tests, autoread, mtrlog  of the meter --serial N\n"
	    "  maxlogid, log                            the concentrator's own journal" },
	{ "completion bash", "", 0, 0, { 0 }, "what bash needs to complete commands",
	    ctl_completion_bash, { { 0 } } },
	{ "completion words", "[WORD...]", 0, CTL_ANY, { 0 },
	    "what may stand for the last of these words", ctl_completion_words, { { 0 } } },
	{ NULL }
};
