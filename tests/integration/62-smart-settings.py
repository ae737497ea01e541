#!/usr/bin/env python3
"""The settings tables of SMART-JSON in both dialects, over a real daemon: every table read, written,
rewritten and emptied; the recorded cases; what is refused, and that nothing of it is stored
(smart-json.md 6, 8, 9, 16, 18, 20)."""

import threading
import time

import smart_vectors
from smart_schema import Schemas
from uspd import Daemon, Directory, Report, same

S = "/settings/"
# Table, dialect: rows to add, and what rewrites the first of them.
TABLES = {
    ("meter/table", 40): (
        [{"id": 6, "pId": 0, "typeName": "Mercury23x", "addr": "72", "passRd": "010101010101",
          "passWr": "020202020202", "ifaceName": "Iface1", "ifaceCfg": "9600,8n1", "rtuObjType": 3,
          "rtuObjNum": 2, "rtuFider": 1},
         {"id": 100, "pId": 94, "typeName": "MILURIC", "addr": "ТЕСТ", "passRd": "", "passWr": "пароль",
          "ifaceName": "hub", "ifaceCfg": None, "rtuObjType": None, "rtuObjNum": 0, "rtuFider": None},
         {"id": 7, "pId": 0, "typeName": "SPODES_M2XX", "addr": "10.0.0.5:5555", "passRd": "3" * 64,
          "passWr": "", "ifaceName": "Ethernet", "ifaceCfg": ""},
         {"id": 8, "pId": 0, "typeName": "SE303", "addr": "", "passRd": "777777", "passWr": "7777777",
          "ifaceName": "iface5", "ifaceCfg": 9600}],
        {"addr": "73", "ifaceCfg": "", "rtuFider": 9}),
    ("meter/table", 31): (
        [{"id": 30, "pId": 0, "type": 3, "addr": "117", "passRd": "01", "passWr": "02", "line": 2, "iface": 1,
          "br": 9600, "size": 8, "parity": 1, "stop": 1},
         {"id": 31, "pId": 0, "type": 36, "addr": "88", "passRd": "32", "passWr": "", "line": 0, "iface": 4,
          "br": 0},
         {"id": 32, "pId": 30, "type": 5, "addr": "9", "passRd": "", "passWr": "", "line": 0, "iface": 6,
          "br": 4800, "rtuObjType": 1, "rtuObjNum": 0, "rtuFider": 3},
         {"id": 33, "pId": 0, "type": 94, "addr": "10.1.1.1:4001", "passRd": "", "passWr": "", "line": 0,
          "iface": 5, "br": 0, "size": 8, "parity": 0, "stop": 1}],
        {"addr": "118", "line": 5, "br": 0, "iface": 3}),
    ("servers/tcp", 40): ([{"port": 20001, "type": "iface1"}, {"port": 20002, "type": "rtu327"}],
                          {"type": "iface4"}),
    ("servers/tcp", 31): ([{"id": 21, "port": 20001, "type": 4, "state": False},
                           {"id": 22, "port": 0, "type": 0, "state": True, "cert": "c", "key": "k"}],
                          {"port": 20003, "type": 3}),
    ("servers/sntp", 40): ([{"addr": "10.41.0.3"}, {"addr": "ntp.example.net:1123"}], {}),
    ("servers/sntp", 31): ([{"id": 1, "addr": "10.41.0.3", "port": 123},
                            {"id": 2, "addr": "ntp.example.net", "port": 1123}], {"port": 124}),
    ("servers/mqtt", 40): ([{"id": 1, "addr": "10.41.0.9", "port": 1883, "prefix": "askue", "deviceID": "um",
                             "cropt": 1, "login": "um", "password": "pw"},
                            {"id": 2, "addr": "b", "port": 8883, "prefix": "", "deviceID": "", "cropt": 2}],
                           {"port": 1884, "cropt": 3}),
    ("servers/mqtt", 31): ([{"id": 1, "type": 1, "addr": "b", "port": 1883, "prefix": "p", "deviceID": "d",
                             "login": "", "password": "x", "crypto": 2, "certCheck": True, "cert": "PEM"},
                            {"id": 3, "addr": "c", "port": 1}], {"crypto": 0, "certCheck": False}),
    ("servers/smtp", 40): ([{"id": 1, "email": "u@example.net", "server": "m", "port": 587, "userName": "um",
                             "userPassword": "pw"}], {"port": 465}),
    ("servers/smtp", 31): ([{"id": 1, "addr": "m", "port": 25, "login": "l", "password": "p", "auth": 3,
                             "crypto": 1, "certCheck": False, "cert": "", "from": "u@example.net"},
                            {"id": 2, "addr": "n", "port": 25}], {"auth": 0}),
    ("templates/email", 40): ([{"id": 1, "emailName": "duty@example.net"}], {"emailName": "day@example.net"}),
    ("templates/meter", 40): ([{"name": "house 7", "meters": [1, 2, 3]}, {"name": "everything", "meters": []}],
                              {"meters": [4]}),
    ("templates/arch", 40): ([{"name": "daily", "types": ["ElDayEnergy", "ElJrnlPwr", "PlsJrnlTimeCorr"]}],
                             {"types": []}),
    ("templates/messages", 40): ([{"id": 4, "meterDataTemplateId": 2, "dataDepth": 1, "dataClass": "arch"},
                                  {"id": 5, "meterDataTemplateId": 2, "dataDepth": 0, "dataClass": "moment",
                                   "meterTemplateId": None}], {"dataDepth": 7, "meterTemplateId": 3}),
    ("events/schdl", 40): ([{"id": 1, "min": 30}, {"id": 2, "min": 5, "hour": 0, "day": None, "month": 255},
                            {"id": 3}], {"min": 0, "hour": 23, "day": 31, "month": 12}),
    ("events/schdl", 31): ([{"id": 1, "type": 1, "min": 30, "hour": 0, "day": 0, "delay": 20},
                            {"id": 2, "type": 2, "min": 5, "hour": 23, "day": 200, "delay": 0},
                            {"id": 3, "type": 3, "min": 59, "hour": 1, "day": 31, "delay": 5},
                            {"id": 4, "type": 0, "min": 255, "hour": 255, "day": 255, "delay": 0}],
                           {"type": 3, "hour": 7, "day": 1}),
    ("events/calendar", 40): ([{"calendarName": "winter", "schedulerIds": [1, 2]},
                               {"calendarName": "никогда", "schedulerIds": []}], {"schedulerIds": [2]}),
    ("events/manager", 40): ([{"id": 1, "eventType": "Scheduler", "eventId": 2, "actionType": "Poller",
                               "actionId": 1}], {"eventType": "Calendar", "actionType": "IntRelay"}),
    ("events/din", 31): ([{"id": 1, "addr": 10, "type": 3}], {"type": 0}),
    ("actions/meter", 40): ([{"id": 1, "archTypesName": "daily", "metersName": "house7"},
                             {"id": 2, "archTypesName": "daily", "metersName": None},
                             {"id": 3, "archTypesName": "daily"}], {"metersName": ""}),
    ("actions/meter", 31): ([{"id": i + 1, "eventType": i % 2, "eventId": i, "type": i} for i in range(11)],
                            {"type": 4, "eventId": 9}),
    ("actions/mqtt", 40): ([{"id": 1, "meterMessageId": 1, "brokerId": 1, "topic": "data"}], {"topic": ""}),
    ("actions/smtp", 40): ([{"id": 1, "meterMessageId": 1, "emailFromId": 1, "emailToId": 1}],
                           {"emailToId": 2}),
    ("actions/sntp", 40): ([{"id": 1, "eventType": 0, "eventId": 1},
                            {"id": 2, "eventType": "Scheduler", "eventId": 1}], {"eventType": 1}),
    ("actions/sntp", 31): ([{"id": 1, "eventType": 0, "eventId": 1}], {"eventType": 1}),
    ("actions/smtp", 31): ([{"id": 1, "eventType": 0, "eventId": 1, "msgType": 4, "msgId": 2, "srvId": 1,
                             "addrId": 1}], {"msgType": 0}),
    ("actions/mqtt", 31): ([{"id": 1, "eventType": 0, "eventId": 1, "msgType": 1, "msgId": 2, "srvId": 1,
                             "topic": "t"}], {"topic": "u"}),
    ("actions/sms", 31): ([{"id": 1, "eventType": 1, "eventId": 1, "msgType": 2, "msgId": 2, "addrId": 1}],
                          {"msgType": 0}),
    ("actions/reset", 31): ([{"id": 1, "eventType": 1, "eventId": 1}], {"eventId": 7}),
    ("uart", 40): ([{"id": 5, "iface": 4, "br": 0, "size": 7, "parity": 2, "stop": 2, "line": 5}],
                   {"br": 115200}),
    ("din", 31): ([{"id": 1, "addr": 0, "filter": 50, "state": 1}], {"filter": 0}),
    ("file_system/access", 31): ([{"id": 0, "read": True, "write": False}], {"write": True}),
    ("modem/apn", 31): ([{"id": 1, "enable": True, "addr": "m2m", "auth": False, "login": "", "password": "p"}],
                        {"password": "q"}),
    ("modem/csd", 31): ([{"id": 1, "enable": False, "server": "10.0.0.1", "peer": "", "login": "l",
                          "password": ""}], {"peer": "10.0.0.2"}),
    ("address", 31): ([{"id": 1, "Email": ["a@b", ""], "Tel": ["+79990000000", ""]}], {"Tel": []}),
    ("messages/custom", 31): ([{"id": 1, "type": 1, "msg": "Привет"}], {"msg": ""}),
    ("messages/meter", 31): ([{"id": 1, "depth": 2, "proto": 3, "MeterId": [1, 2], "Measure": ["aDay"],
                               "Tag": []}], {"MeterId": []}),
    ("proto/rtu/auth", 31): ([{"id": 2, "password": "00ABCDEF"}, {"id": 5, "password": "abcd"}],
                             {"password": "x"}),
    ("proto/text/auth", 31): ([{"id": 1, "password": "p", "lvl": 3}], {"lvl": 0}),
    ("proto/text/mail", 31): ([{"id": 1, "type": 8, "depth": 0}], {"depth": 1}),
    ("iec60870_5_104/mapioa", 40): ([{"IOA": 1, "valueName": "Chnl1", "meterId": 1},
                                     {"IOA": 2, "valueName": "A+0", "meterId": 2}], {"meterId": 3}),
    ("iec60870_5_104/iec60870_template", 40): ([{"id": 1, "IOA": 1, "meterId": 1, "templateNameId": 1}],
                                               {"IOA": 5}),
    ("iec60870_5_104/iec60870_cot_values", 40): (
        [{"COTTypeName": "CS101_COT_SPONTANEOUS", "IOA": 1, "typeIdName": "M_SP_TB_1"}],
        {"typeIdName": "M_SP_NA_1"}),
}
KEYS = {"templates/meter": "name", "templates/arch": "name", "events/calendar": "calendarName"}
LIST_KEYS = {"servers/tcp": "port", "servers/sntp": "addr", "iec60870_5_104/mapioa": "IOA",
             "iec60870_5_104/iec60870_cot_values": "IOA"}
ANSWER_ONLY = ("index", "type", "archId")


def key_of(table, dialect):
    if dialect == 40 and table in LIST_KEYS:
        return LIST_KEYS[table]
    return KEYS.get(table, "id")


def wrapper(table):
    return "Meters" if table == "meter/table" else "Settings"


class Settings:
    def __init__(self, directory):
        self.daemon = Daemon(directory)
        self.daemon.put_settings(http__force_change=0, poll__enabled=0)
        self.smart = smart_vectors.Smart(self.daemon.http)
        self.smart.login()
        self.schemas = Schemas()

    # ---- short ways ----

    def rows(self, table, dialect=40, query=""):
        return self.smart.get(S + table + query, dialect)[wrapper(table)] or []

    def write(self, method, table, rows, dialect=40, wanted=200, query=""):
        body = {wrapper(table): rows} if rows is not None else None
        return self.smart.write(method, S + table + query, body, dialect, wanted)

    def refused(self, method, table, rows, status, where, dialect=40, query=""):
        answer = self.write(method, table, rows, dialect, status, query)
        assert answer["res"] != 0 and answer["error"], answer
        same(answer.get("where", ""), where, answer)

    def check_schema(self, method, table, dialect, answer):
        endpoint = self.schemas.find(method, S + table, dialect)
        if endpoint:
            self.schemas.check(endpoint, "response", answer)

    def found(self, table, dialect, wanted):
        """As the maker's tests look: all keys of the row that is read are as they were sent."""
        key = key_of(table, dialect)
        answer = self.smart.get(S + table, dialect)
        if dialect == 40 or table != "meter/table":
            self.check_schema("GET", table, dialect, answer)
        rows = {row[key]: row for row in answer[wrapper(table)] or []}
        for row in wanted:
            assert row[key] in rows, "%s: no row %r in %r" % (table, row[key], rows)
            got = {k: v for k, v in rows[row[key]].items()
                   if table != "meter/table" or k not in ANSWER_ONLY or k in row}
            if dialect == 31 and table == "meter/table":
                row = {k: v for k, v in row.items() if v is not None}
            same(got, row, table)

    # ---- cases ----

    def vectors(self):
        capture40, capture31 = "meter-table-40-capture", "meter-table-31-capture"
        for case in smart_vectors.load(smart_vectors.settings):
            body = case["response"].get("body", {})
            if case["case"] in (capture40, capture31):
                dialect = 40 if case["case"] == capture40 else 31
                self.write("DELETE", "meter/table", None)
                self.wait_purged()
                sent = [{k: v for k, v in row.items() if dialect == 31 or k not in ANSWER_ONLY}
                        for row in body["Meters"]]
                self.write("POST", "meter/table", sent, dialect)
            elif case["case"] in ("meter-table-empty", "null-when-empty", "sim-get-default", "ip-get"):
                self.smart.write("DELETE", case["request"]["path"])
            elif case["request"]["method"] == "POST" and case["response"]["status"] == 200:
                self.smart.write("DELETE", case["request"]["path"])
            smart_vectors.play(self.smart, case)
        self.clear_all()

    def wait_purged(self):
        """Numbers of removed meters are free again when their archives are gone."""
        probe = {"id": 999, "pId": 0, "typeName": "SE303", "addr": "1", "passRd": "", "passWr": "",
                 "ifaceName": "Iface1", "ifaceCfg": ""}
        end = time.monotonic() + 20
        while True:
            self.write("POST", "meter/table", [probe])
            index = self.rows("meter/table")[0]["index"]
            self.write("DELETE", "meter/table", None)
            if index == 1 or time.monotonic() > end:
                break
            time.sleep(0.2)
        time.sleep(0.5)

    def clear_all(self):
        for table, dialect in TABLES:
            self.write("DELETE", table, None, dialect, query="?cascade=1")
        for table in ("ip", "modem/sim", "dout", "time/local", "proto/json/auth"):
            self.smart.write("DELETE", S + table, None, 40)
        self.smart.login()

    def every_get_fits_its_schema(self):
        for endpoint in self.schemas.endpoints(("core", "second"), S):
            if endpoint["method"] != "GET":
                continue
            answer = self.smart.get(endpoint["path"], endpoint["dialect"])
            self.schemas.check(endpoint, "response", answer)

    def round_trip(self, table, dialect):
        sent, change = TABLES[(table, dialect)]
        key = key_of(table, dialect)
        before = self.smart.get(S + table, dialect)
        self.check_schema("POST", table, dialect, self.write("POST", table, sent, dialect))
        self.found(table, dialect, sent)
        one = self.rows(table, dialect, "?limit=1&offset=1")
        same(one, self.rows(table, dialect)[1:2], "limit and offset")
        if key != "addr" and table != "iec60870_5_104/iec60870_cot_values":
            self.refused("POST", table, [sent[0]], 409, "/%s/0/%s" % (wrapper(table), key), dialect)
        changed = dict(sent[0], **change)
        self.write("PUT", table, [changed], dialect, query="?mode=merge")
        if key != "addr" and table != "iec60870_5_104/iec60870_cot_values":
            self.found(table, dialect, [changed] + sent[1:])
        self.write("DELETE", table, [{key: row[key]} for row in sent], dialect, query="?cascade=1")
        same(self.smart.get(S + table, dialect), before, "as before")

    def missing_and_wrong_members(self, table, dialect):
        """Every member that the schema wants: without it 400; a wrong kind of it 400 or 422."""
        endpoint = self.schemas.find("POST", S + table, dialect)
        row = TABLES[(table, dialect)][0][0]
        before = self.smart.get(S + table, dialect)
        name = endpoint["request"].replace(".body", ".row")
        for member in self.schemas.files[endpoint["file"]]["definitions"][name]["required"]:
            if table == "actions/sntp" and member != "id":
                continue
            where = "/%s/1/%s" % (wrapper(table), member)
            less = {k: v for k, v in row.items() if k != member}
            good = TABLES[(table, dialect)][0][-1]
            self.refused("POST", table, [good, less], 400, where, dialect)
            for wrong in ({"a": 1}, [[]], 10 ** 18 if isinstance(row[member], int) else "x" * 5000):
                answer = self.write("POST", table, [good, dict(row, **{member: wrong})], dialect, (400, 422))
                assert answer["where"].startswith(where), (answer, where, wrong)
        same(self.smart.get(S + table, dialect), before, "nothing was stored")

    def bodies(self):
        for table, dialect in TABLES:
            for body in ({}, {"Settings": None, "Meters": None}, {"Settings": "x", "Meters": "x"}, []):
                answer = self.smart.ask("PUT", S + table, body, dialect)
                same(answer.status, 400, (table, body))
            for body in ({}, {wrapper(table): []}, {wrapper(table): {}}, {"ids": []}, {"names": []}):
                self.smart.write("DELETE", S + table, body, dialect)
            same(self.smart.ask("DELETE", S + table, {"nothing": [1]}, dialect).status, 400, table)
            self.write("POST", table, [], dialect)

    def removal(self):
        def fill(n=6):
            self.write("PUT", "events/schdl", [{"id": i, "min": i} for i in range(1, n + 1)], query="?mode=replace")

        def ids():
            return sorted(row["id"] for row in self.rows("events/schdl"))

        for body in ({"Settings": [{"id": 3, "min": 99}, {"id": 4}]}, {"Settings": {"id": [3, 4]}}, {"ids": [3, 4]},
                     {"settings": [{"id": "3"}, {"id": 4}]}, {"Settings": [3, 4]}):
            fill()
            self.smart.write("DELETE", S + "events/schdl", body)
            same(ids(), [1, 2, 5, 6], body)
        fill()
        for body in ({}, {"Settings": []}, {"Settings": {"id": []}}, {"ids": []}, {"ids": [77]},
                     {"Settings": [{"id": 0}]}):
            self.smart.write("DELETE", S + "events/schdl", body)
            same(ids(), [1, 2, 3, 4, 5, 6], body)
        self.refused("DELETE", "events/schdl", [{"min": 1}], 400, "/Settings/0/id")
        self.refused("DELETE", "events/schdl", [{"id": 1}, {"id": "x"}], 400, "/Settings/1/id")
        same(ids(), [1, 2, 3, 4, 5, 6], "nothing half removed")
        self.write("DELETE", "events/schdl", None)
        same(self.smart.get(S + "events/schdl"), {"Settings": None, "settings": None})
        self.write("POST", "templates/meter", [{"name": "Night run", "meters": []}, {"name": "b", "meters": []}])
        self.smart.write("DELETE", S + "templates/meter", {"names": ["Night run"]})
        same([row["name"] for row in self.rows("templates/meter")], ["b"])
        self.write("POST", "events/calendar", [{"calendarName": "winter", "schedulerIds": []}])
        self.smart.write("DELETE", S + "events/calendar", {"calendarNames": ["winter"]})
        same(self.rows("events/calendar"), [])
        self.write("DELETE", "templates/meter", None)

    def reading(self):
        self.write("PUT", "events/schdl", [{"id": i, "min": i} for i in (1, 2, 3)] +
                   [{"id": 4, "min": 1, "hour": 2, "mon": 3}], query="?mode=replace")
        answer = self.smart.get(S + "events/schdl?id=3&id=1&id=99")
        same([row["id"] for row in answer["Settings"]], [1, 3])
        same(answer["settings"], answer["Settings"])
        full = self.rows("events/schdl", 40, "?full=1")
        same([row["pattern"] for row in full], ["*/1 * * * *", "*/2 * * * *", "*/3 * * * *", "1 2 * 3 *"])
        same(full[3]["month"], 3)
        # Templates and calendars have numbers, shown when asked for; they stay when a row is rewritten.
        self.write("PUT", "templates/meter", [{"name": "a", "meters": []}, {"name": "b", "meters": [1]}])
        first = self.rows("templates/meter", 40, "?ids=1")
        self.write("PUT", "templates/meter", [{"name": "b", "meters": [2]}])
        again = self.rows("templates/meter", 40, "?ids=1")
        same([row["id"] for row in again], [row["id"] for row in first])
        assert all("id" not in row for row in self.rows("templates/meter"))
        self.write("DELETE", "templates/meter", None)
        self.write("DELETE", "events/schdl", None)
        self.daemon.put_settings(http__empty_null=0)
        same(self.smart.get(S + "events/calendar"), {"Settings": []})
        same(self.smart.get(S + "events/schdl"), {"Settings": [], "settings": []})
        self.daemon.put_settings(http__empty_null=1)

    def references(self):
        rows = {"templates/arch": [{"name": "Night run", "types": ["ElDayEnergy"]}],
                "events/schdl": [{"id": 1, "min": 5}, {"id": 2, "min": 6}],
                "events/calendar": [{"calendarName": "c", "schedulerIds": [1, 2]}],
                "actions/meter": [{"id": 1, "archTypesName": "Nightrun"}],
                "events/manager": [{"id": 1, "eventType": "Scheduler", "eventId": 1, "actionType": "Poller",
                                    "actionId": 1}]}
        for table, sent in rows.items():
            self.write("POST", table, sent)
        self.refused("DELETE", "events/schdl", [{"id": 77}, {"id": 1}], 409, "/Settings/1")
        same(len(self.rows("events/schdl")), 2)
        self.refused("DELETE", "templates/arch", [{"name": "Night run"}], 409, "/Settings/0")
        self.write("DELETE", "events/schdl", [{"id": 1}, {"id": 2}], query="?cascade=1")
        same(self.rows("events/calendar"), [{"calendarName": "c", "schedulerIds": []}])
        same(self.rows("events/manager"), [])
        self.write("POST", "events/manager", rows["events/manager"])     # dangling is allowed
        self.write("DELETE", "templates/arch", [{"name": "Night run"}], query="?cascade=1")
        same(self.rows("actions/meter") + self.rows("events/manager"), [])
        self.daemon.put_settings(http__strict_refs=1)
        self.refused("POST", "events/manager", rows["events/manager"], 422, "/Settings/0/eventId")
        self.refused("POST", "events/calendar", [{"calendarName": "d", "schedulerIds": [7]}], 422,
                     "/Settings/0/schedulerIds/0")
        self.refused("POST", "actions/meter", rows["actions/meter"], 422, "/Settings/0/archTypesName")
        self.refused("POST", "meter/table", [dict(TABLES[("meter/table", 40)][0][0], pId=5)], 422,
                     "/Meters/0/pId")
        self.daemon.put_settings(http__strict_refs=0)
        self.write("DELETE", "events/calendar", None)

    def modes(self):
        rows = TABLES[("templates/email", 40)][0]
        self.write("PUT", "templates/email", rows + [{"id": 2, "emailName": "b@c"}])
        self.write("PUT", "templates/email", [{"id": 2, "emailName": "d@e"}, {"id": 3, "emailName": "f@g"}])
        same([r["id"] for r in self.rows("templates/email")], [1, 2, 3])
        self.write("PUT", "templates/email", [{"id": 2, "emailName": "h@i"}], query="?mode=replace")
        same(self.rows("templates/email"), [{"id": 2, "emailName": "h@i"}])
        self.refused("PUT", "templates/email", rows, 422, "", query="?mode=sideways")
        self.refused("PUT", "templates/email", rows + rows, 409, "/Settings/1/id")
        self.daemon.put_settings(http__post_upsert=1)
        self.write("POST", "templates/email", [{"id": 2, "emailName": "j@k"}])
        self.daemon.put_settings(http__post_upsert=0)
        same(self.rows("templates/email"), [{"id": 2, "emailName": "j@k"}])
        self.write("DELETE", "templates/email", None)
        factory = self.rows("servers/tcp")
        self.write("PUT", "servers/tcp", [{"port": 20002, "type": "iface2"}, {"port": 20001, "type": "iface1"}])
        same([r["port"] for r in self.rows("servers/tcp")], [20002, 20001], "the order that was sent")
        self.write("PUT", "servers/tcp", [])
        same(self.smart.get(S + "servers/tcp"), {"Settings": None})
        for port in (22, 80, 443):
            self.refused("PUT", "servers/tcp", [{"port": port, "type": "rtu327"}], 422, "/Settings/0/port")
        self.refused("PUT", "servers/tcp", [{"port": 20009, "type": "rtu327"}] * 2, 409, "/Settings/1/port")
        self.refused("PUT", "servers/tcp", [{"port": 20009, "type": "iface9"}], 422, "/Settings/0/type")
        self.write("DELETE", "servers/tcp", None)
        same(self.rows("servers/tcp"), factory)

    def extensions_stay(self):
        more = {"mode": "shared", "allow": ["10.0.0.0/8", "2001:db8::/32"], "frame_hold_ms": 30, "tls": True}
        self.write("PUT", "servers/tcp", [dict({"port": 20001, "type": "iface1"}, **more)])
        same(self.rows("servers/tcp"), [{"port": 20001, "type": "iface1"}])
        same(self.rows("servers/tcp", 40, "?full=1"), [dict({"port": 20001, "type": "iface1"}, **more)])
        got = self.rows("servers/tcp", 31)
        same((got[0]["type"], got[0]["state"]), (4, True))
        self.write("PUT", "servers/tcp", [{"port": "20001", "type": "iface2"}])
        same(self.rows("servers/tcp", 40, "?full=1"), [dict({"port": 20001, "type": "iface2"}, **more)])
        self.refused("PUT", "servers/tcp", [{"port": 1, "type": "iface1", "allow": ["10.0.0.0/8", "x"]}], 422,
                     "/Settings/0/allow/1")
        # What dialect 40 has no word for it neither shows nor removes.
        self.write("POST", "servers/tcp", [{"id": 9, "port": 20005, "type": 2}], 31)
        same([r["port"] for r in self.rows("servers/tcp")], [20001])
        self.write("PUT", "servers/tcp", [{"port": 20001, "type": "iface3"}])
        same(sorted((r["port"], r["type"]) for r in self.rows("servers/tcp", 31)), [(20001, 6), (20005, 2)])
        self.refused("POST", "servers/tcp", [{"id": 10, "port": 20001, "type": 4}], 409, "/Settings/0/port", 31)
        self.write("DELETE", "servers/tcp", None)
        self.write("POST", "events/schdl", [{"id": 1, "type": 2, "min": 1, "hour": 2, "day": 0, "delay": 7}], 31)
        self.write("PUT", "events/schdl", [{"id": 1, "min": 3, "hour": 2}])
        same(self.rows("events/schdl", 31), [{"id": 1, "type": 2, "min": 3, "hour": 2, "day": 255, "delay": 7}])
        self.write("PUT", "events/schdl", [{"id": 1, "min": 3, "hour": 2, "month": 5}])
        same(self.rows("events/schdl", 31), [], "months are not in dialect 31")
        self.refused("PUT", "events/schdl", [{"id": 1, "type": 1, "min": 60, "hour": 0, "day": 0, "delay": 0}], 422,
                     "/Settings/0/min", 31)
        self.write("DELETE", "events/schdl", None)

    def single_rows(self):
        get, put = self.smart.get, self.smart.write
        put("PUT", S + "time/local", {"tz": 5.5, "dst": True})
        same(get(S + "time/local"), {"tz": 5.5, "dst": True})
        for body in ({"Settings": {"tz": 7}}, {"Settings": [{"tz": "7"}]}, {"tz": 7, "dst": None}):
            put("POST", S + "time/local", body)
            same(get(S + "time/local", 31), {"tz": 7, "dst": True}, body)
        for body, status, where in (({"tz": 15}, 422, "/tz"), ({"dst": True}, 400, "/tz"), ({"tz": "x"}, 400, "/tz"),
                                    ({"tz": 0.333}, 422, "/tz"), ({"Settings": {"tz": []}}, 400, "/Settings/tz"),
                                    ({"tz": 1, "dst": "maybe"}, 400, "/dst")):
            same(put("PUT", S + "time/local", body, 40, status)["where"], where, body)
        put("DELETE", S + "time/local")
        same(get(S + "time/local"), {"tz": 3, "dst": False})
        # The one port of dialect 31 is eth0 of dialect 40.
        flat = {"ip": "10.1.1.2", "netmask": "255.255.0.0", "gw": "", "dns1": "", "dns2": "", "dhcp": False,
                "hostname": "um"}
        put("PUT", S + "ip", flat, 31)
        same(get(S + "ip", 31), flat)
        eth0, eth1 = self.rows("ip")
        same((eth0["iface"], eth0["ip"], eth1["dhcp"]), ("eth0", "10.1.1.2", True))
        self.write("PUT", "ip", [dict(eth0, ip="10.1.1.3")])
        same(get(S + "ip", 31)["hostname"], "um")
        for member, value, status in (("ip", "10.0.0.256", 422), ("ip", "", 422), ("netmask", "255.255.255.1", 422),
                                      ("netmask", "0.0.0.0", 422), ("gw", "x", 422), ("dhcp", "x", 400)):
            self.refused("PUT", "ip", [dict(eth0, **{member: value})], status, "/Settings/0/" + member)
        self.refused("PUT", "ip", [dict(eth0, iface="eth2")], 422, "/Settings/0/iface")
        put("DELETE", S + "ip", None, 31)
        same(self.rows("ip")[0]["ip"], "192.168.0.1")
        self.write("DELETE", "ip", None)
        for table, value in (("name", {"name": "шкаф 7"}), ("modem", {"access": 2, "pin": "1234"}),
                             ("proto/text/data", dict.fromkeys(("tariff", "ap", "am", "rp", "rm", "qual"), False))):
            before = get(S + table, 31)
            put("POST", S + table, value, 31)
            same(get(S + table, 31), value)
            put("DELETE", S + table, None, 31)
            same(get(S + table, 31), before)
        path = S + "iec60870_5_104/iec60870_settings"
        row = get(path)["Settings"][0]
        put("POST", path, {"Settings": [dict(row, qualityTime=420)]})
        same(get(path)["Settings"], [dict(row, qualityTime=420)])
        put("PUT", path, {"Settings": [row, row]}, 40, 422)
        put("PUT", path, {"Settings": [row]})

    def slots(self):
        sim = {"id": 2, "pin": "0042", "enable": True, "addr": "m2m"}
        self.write("POST", "modem/sim", [sim])
        same(self.rows("modem/sim")[1], sim)
        self.refused("PUT", "modem/sim", [{"id": 3}], 422, "/Settings/0/id")
        self.refused("PUT", "modem/sim", [{"id": 1, "pin": "12"}], 422, "/Settings/0/pin")
        self.write("DELETE", "modem/sim", None)
        self.write("PUT", "dout", [{"addr": "/dev/ttyUSB2", "state": "on", "id": 7}])
        same([r["state"] for r in self.rows("dout")], ["toggle", "on", "toggle", "toggle"])
        same(self.rows("dout", 31)[1], {"id": 7, "addr": 1, "state": 1})
        self.write("PUT", "dout", [{"id": 4, "addr": 3, "state": 2}], 31)
        same(self.rows("dout")[3], {"addr": "/dev/ttyUSB0", "state": "off", "id": 4})
        self.write("DELETE", "dout", [{"id": 7}], 31)
        same(len(self.rows("dout")), 3)
        self.write("DELETE", "dout", None)
        same(len(self.rows("dout")), 4)

    def depths(self):
        rows = {r["type"]: r["records"] for r in self.rows("meter/depth")}
        self.write("PUT", "meter/depth", [{"type": "ElDayEnergy", "records": 200}])
        after = {r["type"]: r["records"] for r in self.rows("meter/depth")}
        same({k for k in rows if rows[k] != after[k]}, {"ElDayEnergy", "ElDayConsEnergy", "PlsDayPulse", "GenDay"})
        changed = [dict(type=k, records=300 if k == "ElDayEnergy" else v) for k, v in after.items()]
        self.write("PUT", "meter/depth", changed)      # all rows sent back, one of them changed
        same({r["type"]: r["records"] for r in self.rows("meter/depth")}["ElDayConsEnergy"], 300)
        self.refused("PUT", "meter/depth", [{"type": "ElDayEnergy", "records": 201},
                                            {"type": "ElDayConsEnergy", "records": 202}], 422, "/Settings/1")
        self.refused("PUT", "meter/depth", [{"type": "ElDayEnergy", "records": 0}], 422, "/Settings/0")
        self.refused("PUT", "meter/depth", [{"type": "Nothing", "records": 5}], 422, "/Settings/0/type")
        same(self.smart.ask("POST", S + "meter/depth", {"Settings": []}).status, 405)
        electric = self.rows("meter/arch", 31)[1]
        depth = {s["type"]: s["depth"] for s in electric["Storages"]}
        same((depth[3], depth[5], depth[50]), (300, 4320, 1000))
        self.write("PUT", "meter/arch", [{"id": 1, "type": 1, "size": 10000,
                                          "storages": [{"type": 5, "depth": 5000}]}], 31)
        same({r["type"]: r["records"] for r in self.rows("meter/depth")}["ElArr1ConsPower"], 5000)
        self.refused("PUT", "meter/arch", [{"id": 3, "type": 1, "size": 1}], 422, "/Settings/0/id", 31)
        self.write("DELETE", "meter/depth", None)
        same({r["type"]: r["records"] for r in self.rows("meter/depth")}, rows)

    def rtu_passwords(self):
        self.daemon.put_settings(rtu__auth="00000000,abcd:r")
        same(self.rows("proto/rtu/auth", 31), [{"id": 1, "password": "00000000"}, {"id": 2, "password": "abcd"}])
        self.write("PUT", "proto/rtu/auth", [{"id": 4, "password": "0000FFFF"}], 31)
        self.write("DELETE", "proto/rtu/auth", [{"id": 1}], 31)
        same(self.rows("proto/rtu/auth", 31), [{"id": 2, "password": "abcd"}, {"id": 4, "password": "0000FFFF"}])
        for bad in ("", "abcde", "a,b", "ж", "0000000g", "a:r"):
            self.refused("PUT", "proto/rtu/auth", [{"id": 1, "password": bad}], 422, "/Settings/0/password", 31)
        self.write("DELETE", "proto/rtu/auth", None, 31)
        same(self.rows("proto/rtu/auth", 31), [{"id": 1, "password": "00000000"}])

    def poll_actions(self):
        self.write("DELETE", "templates/arch", None)
        self.write("POST", "actions/meter", [{"id": 3, "eventType": 0, "eventId": 8, "type": 4}], 31)
        same(self.rows("actions/meter"), [{"id": 3, "archTypesName": "um31-4"}])
        same([dict(r, id=0) for r in self.rows("events/manager")],
             [{"id": 0, "eventType": "Scheduler", "eventId": 8, "actionType": "Poller", "actionId": 3}])
        same(self.rows("templates/arch"), [{"name": "um31-4", "types": ["ElDayEnergy", "PlsDayPulse"]}])
        self.write("PUT", "actions/meter", [{"id": 3, "eventType": 1, "eventId": 2, "type": 8}], 31)
        same(self.rows("events/manager")[0]["eventType"], "IntDigitalSensor")
        # An action of dialect 40 is shown by what it reads.
        self.write("POST", "templates/arch", [{"name": "mine", "types": ["ElArr1ConsPower"]}])
        self.write("POST", "actions/meter", [{"id": 9, "archTypesName": "mine", "metersName": "x"}])
        self.write("POST", "events/manager", [{"id": 70, "eventType": "Scheduler", "eventId": 1,
                                               "actionType": "Poller", "actionId": 9}])
        same(self.rows("actions/meter", 31)[1], {"id": 9, "eventType": 0, "eventId": 1, "type": 6})
        self.write("DELETE", "actions/meter", [{"id": 3}, {"id": 9}], 31)
        same(self.rows("events/manager"), [])
        self.write("DELETE", "templates/arch", None)

    def meters_across_dialects(self):
        rows40, rows31 = TABLES[("meter/table", 40)][0], TABLES[("meter/table", 31)][0]
        self.write("POST", "meter/table", rows40)
        self.write("POST", "meter/table", rows31, 31)
        in31 = {r["id"]: r for r in self.rows("meter/table", 31)}
        same(sorted(in31), [6, 7, 8, 30, 31, 32, 33, 100])
        same([r["id"] for r in self.rows("meter/table")], sorted(in31))
        same((in31[6]["type"], in31[6]["iface"], in31[6]["br"], in31[6]["parity"]), (3, 0, 9600, 0))
        same((in31[7]["type"], in31[7]["iface"], in31[7]["br"]), (36, 5, 0))
        same((in31[8]["iface"], in31[8]["br"], in31[100]["type"]), (4, 9600, 94))
        in40 = {r["id"]: r for r in self.rows("meter/table")}
        same((in40[30]["typeName"], in40[30]["ifaceName"], in40[30]["ifaceCfg"]), ("Mercury23x", "Iface2", "9600,8e1"))
        same((in40[31]["ifaceName"], in40[31]["ifaceCfg"], in40[33]["typeName"]), ("Iface5", "", "MILUR IC"))
        # Rewritten by the other dialect as it was read there, a row says the same again.
        self.write("PUT", "meter/table", list(in40.values()))
        self.found("meter/table", 31, rows31)
        self.write("PUT", "meter/table", list(in31.values()), 31)
        self.found("meter/table", 40, [{k: v for k, v in r.items()} for r in rows40[:1] + rows40[2:]])
        index = in40[6]["index"]
        self.write("PUT", "meter/table", [dict(rows40[0], addr="99", typeName="SE303")])
        same(self.rows("meter/table", 40, "?id=6")[0]["index"], index, "the archive stays")
        self.write("PUT", "meter/table", [dict(rows31[0], id=6)], 31)
        same(self.rows("meter/table", 40, "?id=6")[0]["ifaceCfg"], "9600,8e1")
        for member, value, status in (("typeName", "Nothing", 422), ("ifaceName", "Iface9", 422), ("id", 0, 422),
                                      ("ifaceCfg", "9600,9n1", 422), ("ifaceCfg", True, 400), ("pId", -1, 422),
                                      ("addr", "x" * 64, 422), ("passRd", "ж" * 33, 422), ("rtuFider", 2 ** 31, 422)):
            self.refused("PUT", "meter/table", [rows40[0], dict(rows40[2], **{member: value})], status,
                         "/Meters/1/" + member)
        self.refused("PUT", "meter/table", [dict(rows31[0], type=7)], 422, "/Meters/0/type", 31)
        self.refused("PUT", "meter/table", [dict(rows40[0], pId=7), dict(rows40[2], pId=6)], 422, "/Meters/0/pId")
        self.write("DELETE", "meter/table", {"id": list(in40)})
        same(self.smart.get(S + "meter/table", 31), {"Meters": None})

    def tolerances(self):
        ask = self.smart.ask
        row = '{"id":"8","min":"5","hour":null,"unknown":{"a":[1]}}'
        for raw in ('{"Settings":%s}' % row, '{"settings":[%s]}' % row, '\ufeff{"Settings":[%s]}' % row,
                    '{"Settings":[{"id":1}],"Settings":[%s]}' % row):
            same(ask("PUT", S + "events/schdl", raw=raw, Content_type="text/plain").status, 200, raw)
            same(self.rows("events/schdl"), [{"id": 8, "min": 5, "hour": None}], raw)
            self.write("DELETE", "events/schdl", None)
        meter = dict(TABLES[("meter/table", 40)][0][0], typeName="mercury 23X", ifaceName="iface2")
        self.write("POST", "meter/table", [meter])
        self.found("meter/table", 40, [meter])
        same(self.rows("meter/table", 31)[0]["iface"], 1)
        self.write("DELETE", "meter/table", None)
        apn = dict(TABLES[("modem/apn", 31)][0][0], enable=1, auth="false")
        self.write("PUT", "modem/apn", [apn], 31)
        same(self.rows("modem/apn", 31), [dict(apn, enable=True, auth=False)])
        self.write("DELETE", "modem/apn", None, 31)
        self.daemon.put_settings(http__port_text=1)
        same(self.rows("servers/tcp")[0]["port"], str(int(self.rows("servers/tcp")[0]["port"])))
        self.daemon.put_settings(http__port_text=0)
        russian = ask("PUT", S + "events/schdl", {"Settings": [{}]}).json()["error"]
        english = ask("PUT", S + "events/schdl", {"Settings": [{}]}, Accept_Language="en").json()["error"]
        same((russian, english), ("нет обязательного поля: id", "a required member is missing: id"))

    def garbage(self):
        for raw in ("", "{", "null", "5", '{"Settings":[1]}', '{"Settings":[[]]}', '{"Settings":[{"id":1e400}]}',
                    '{"Settings":[{"id":99999999999999999999}]}', '{"Settings":[{"id":1}]}x', '{"Settings":NaN}',
                    '{"Settings":[{"id":1,"min":"\\u0000"}]}', '{"Settings":[{"id":"\\ud800"}]}', b'{"Settings":"\xff"}',
                    '{"Settings":[{"id":1.5}]}', '{"Settings":[{"id":true}]}', '{"Settings":' + "[" * 5000):
            answer = self.smart.ask("PUT", S + "events/schdl", raw=raw)
            assert answer.status in (400, 422) and answer.json()["res"] != 0, (raw[:60], answer)
        same(self.rows("events/schdl"), [])

    def methods_and_dialects(self):
        for path, dialect in (("nonsense", 40), ("modem/sim", 31), ("templates/arch", 31), ("din", 40),
                              ("events/manager", None), ("action/mqtt", 40), ("smtp", 40), ("email", 40)):
            for method in ("GET", "PUT", "DELETE"):
                answer = self.smart.ask(method, S + path, {"Settings": []} if method == "PUT" else None, dialect)
                same(answer.status, 405, (method, path, dialect))
        for path in ("cot_types", "value_description", "template_name", "type_id_types"):
            for method in ("POST", "PUT", "DELETE"):
                answer = self.smart.ask(method, S + "iec60870_5_104/" + path, {"Settings": []})
                same(answer.status, 405, (method, path))
        same(self.smart.ask("PATCH", S + "ip", {}).status, 405)
        same(self.smart.ask("DELETE", S + "iec60870_5_104/iec60870_settings").status, 405)

    def accounts(self):
        admin, user, none = smart_vectors.Smart(self.daemon.http), smart_vectors.Smart(self.daemon.http), 3
        rows = [{"id": 2, "login": "reader", "password": "k7Wq_29", "lvl": 1},
                {"id": none, "login": "nobody", "password": "x", "lvl": 0}]
        self.write("POST", "proto/json/auth", rows)
        same(self.rows("proto/json/auth", 31)[1:], [dict(r, password="") for r in rows])
        self.refused("POST", "proto/json/auth", [{"id": 4, "login": "reader", "password": "y", "lvl": 1}], 409,
                     "/Settings/0/login")
        self.refused("POST", "proto/json/auth", [{"id": 4, "login": "empty", "password": "", "lvl": 1}], 422,
                     "/Settings/0/password")
        self.refused("PUT", "proto/json/auth", [{"id": 4, "login": "a", "password": "b", "lvl": 3}], 422,
                     "/Settings/0/lvl")
        self.refused("DELETE", "proto/json/auth", [{"id": 1}], 409, "/Settings/0")
        self.refused("PUT", "proto/json/auth", [{"id": 1, "login": "admin", "password": "admin", "lvl": 1}], 409,
                     "/Settings/0")
        user.login("reader", "k7Wq_29")
        same(user.ask("POST", "/auth", {"login": "nobody", "password": "x"}).status, 403)
        # Level 1 reads everything but secrets, and writes nothing.
        self.write("POST", "servers/mqtt", TABLES[("servers/mqtt", 40)][0])
        self.write("POST", "meter/table", TABLES[("meter/table", 40)][0])
        same(user.get(S + "servers/mqtt")["Settings"][0]["password"], "")
        same({(r["passRd"], r["passWr"]) for r in user.get(S + "meter/table")["Meters"]}, {("", "")})
        for table, dialect in TABLES:
            user.get(S + table, dialect)
            for method in ("POST", "PUT", "DELETE"):
                same(user.ask(method, S + table, {wrapper(table): []}, dialect).status, 403, table)
        self.write("PUT", "proto/json/auth", [dict(rows[0], password="")])
        same(user.get(S + "name", 31), {"name": ""}, "the password was kept, and the ticket with it")
        admin.login("reader", "k7Wq_29")
        self.write("DELETE", "proto/json/auth", [{"id": 2}])
        same(user.ask("GET", S + "ip").status, 401)
        self.write("DELETE", "proto/json/auth", None)
        same([r["login"] for r in self.again().rows("proto/json/auth")], ["admin"])
        self.write("DELETE", "servers/mqtt", None)
        self.write("DELETE", "meter/table", None)

    def again(self):
        self.smart.login()
        return self

    def whole_tables(self):
        def table(mark):
            return [{"id": i, "pId": 0, "typeName": "Mercury23x", "addr": str(i), "passRd": "010101010101",
                     "passWr": "020202020202", "ifaceName": "Iface%d" % (i % 4 + 1), "ifaceCfg": None,
                     "rtuObjType": mark, "rtuObjNum": 2, "rtuFider": 1} for i in range(1, 1501)]

        faults = []

        def get():
            try:
                rows = self.rows("meter/table")
                if len(rows) != 1500 or len({r["rtuObjType"] for r in rows}) != 1:
                    faults.append("a torn table: %d rows" % len(rows))
            except Exception as error:  # pylint: disable=broad-except
                faults.append(repr(error))

        started = time.monotonic()
        self.write("PUT", "meter/table", table(1))
        print("      1500 meters written in %d ms" % ((time.monotonic() - started) * 1000))
        readers = [threading.Thread(target=get) for _ in range(50)]
        for i, reader in enumerate(readers):
            reader.start()
            if i % 17 == 5:
                self.write("PUT", "meter/table", table(i))
        for reader in readers:
            reader.join()
        same(faults, [])
        self.write("DELETE", "meter/table", None)

    def audit(self):
        self.write("PUT", "name", {"name": "before"}, 31)
        self.smart.write("PUT", S + "name", {"name": "after"}, 31)
        end = time.monotonic() + 10
        while True:
            rows = [r for r in self.daemon.get("journal/audit?limit=9&order=desc")["rows"] if r["what"] == "settings/name"]
            if len(rows) >= 2 or time.monotonic() > end:
                break
            time.sleep(0.2)
        told = [(r["login"], r["peer"], r["before"]["name"], r["after"]["name"]) for r in rows]
        assert ("admin", "127.0.0.1", "before", "after") in told, rows
        self.smart.write("DELETE", S + "name", None, 31)


def main():
    report = Report()
    with Directory() as directory:
        t = Settings(directory)
        report.case("every answer fits its schema, at first", t.every_get_fits_its_schema)
        for table, dialect in TABLES:
            report.case("%s (%d): add, rewrite, remove" % (table, dialect), t.round_trip, table, dialect)
        for table, dialect in TABLES:
            if table != "uart" or dialect != 31:
                report.case("%s (%d): missing and wrong members" % (table, dialect), t.missing_and_wrong_members,
                            table, dialect)
        report.case("bodies without rows", t.bodies)
        report.case("forms of removal", t.removal)
        report.case("filters and forms of reading", t.reading)
        report.case("references", t.references)
        report.case("merge, replace, upsert", t.modes)
        report.case("what the other dialect does not know stays", t.extensions_stay)
        report.case("tables of one row", t.single_rows)
        report.case("SIM cards and power lines", t.slots)
        report.case("depths of the archive", t.depths)
        report.case("passwords of RTU-327", t.rtu_passwords)
        report.case("poll actions of dialect 31", t.poll_actions)
        report.case("meters across dialects", t.meters_across_dialects)
        report.case("habits of clients", t.tolerances)
        report.case("garbage", t.garbage)
        report.case("methods and dialects", t.methods_and_dialects)
        report.case("accounts and levels", t.accounts)
        report.case("no torn table", t.whole_tables)
        report.case("changes are journalled", t.audit)
        report.case("recorded cases", t.vectors)
        report.case("every answer fits its schema, at last", t.every_get_fits_its_schema)
        same(t.daemon.stop(), 0)
    report.end()


main()
