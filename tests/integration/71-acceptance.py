#!/usr/bin/env python3
"""SMART-JSON as a stranger would accept it: a device as it comes out of its box, read and written by an
old client with the factory's account, chapter by chapter of the specification (smart-json.md 20).
What 61 to 67 test from the inside is not repeated; here requests are made from the schemas."""

import gzip
import http.client
import json
import os
import random
import re
import sqlite3
import threading
import time

import smart_vectors
from smart_made import Maker
from smart_schema import Schemas
from uspd import ROOT, Daemon, Directory, Report

S = "/settings/"
NAMED = {"name": "name", "calendarName": "calendarName"}
# Not made of schemas: rows that are places of the device, or that this test stands on.
OWN_RULES = ("ip", "dout", "modem/sim", "proto/json/auth", "proto/rtu/auth", "meter/arch", "meter/depth", "uart",
             "servers/tcp", "iec60870_5_104/iec60870_settings", "events/schdl", "file_system/access")


def same(got, wanted, what=""):
    assert got == wanted, "%s: %r instead of %r" % (what, got, wanted)


class Box:
    """The device and its client."""

    def __init__(self, directory):
        self.directory = directory
        self.schemas = Schemas()
        self.dice = random.Random(20)
        self.start()

    def start(self, data=None):
        self.daemon = Daemon(self.directory, data=data)
        self.smart = smart_vectors.Smart(self.daemon.http)
        self.smart.login()

    def ask(self, *args, **more):
        return self.smart.ask(*args, **more)

    def rows(self, table, dialect=40):
        answer = self.smart.get(S + table, dialect)
        return answer["Meters" if table == "meter/table" else "Settings"] or []

    def write(self, method, table, rows, dialect=40, wanted=200):
        wrapper = "Meters" if table == "meter/table" else "Settings"
        return self.smart.write(method, S + table, None if rows is None else {wrapper: rows}, dialect, wanted)

    def raw(self, data, seconds=20):
        """Bytes as they are; everything that comes back until the server closes."""
        connection = http.client.HTTPConnection("127.0.0.1", self.daemon.http, timeout=seconds)
        connection.connect()
        connection.sock.sendall(data)
        got = b""
        while chunk := connection.sock.recv(65536):
            got += chunk
        connection.close()
        return got

    def page(self):
        """What a browser adds to the requests of our page."""
        return {"Origin": "http://127.0.0.1:%d" % self.daemon.http}

    def cookie(self):
        return "Cookie: sessionid=%s\r\n" % self.smart.ticket


# ---- the factory's account (3, 8.1) ----

def out_of_the_box(box):
    """An old client logs in as admin, admin and works; pages and /api/v1 ask for a new password first."""
    row = {"id": 1, "min": 30}
    box.write("POST", "events/schdl", [row])
    same(box.rows("events/schdl"), [row])
    box.write("DELETE", "events/schdl", [{"id": 1}])
    for dialect in (31, 40):
        box.smart.write("PUT", S + "time/local", {"tz": 3, "dst": False}, dialect)
    answer = box.ask("PUT", S + "time/local", {"tz": 4}, **box.page())
    same(answer.status, 403, "a page with the factory's password")
    assert "proto/json/auth" in answer.json()["error"], answer
    same(box.ask("GET", S + "time/local", **box.page()).json(), {"tz": 3, "dst": False})
    same(box.ask("GET", "/api/v1/status").json()["account"], {"login": "admin", "lvl": 2, "must_change": True})
    same(box.ask("PUT", "/api/v1/settings", {}).status, 403)
    box.daemon.put_settings(http__force_change=2)
    same(box.ask("PUT", S + "time/local", {"tz": 4}).status, 403, "demanded of all")
    box.daemon.put_settings(http__force_change=0)
    same(box.ask("PUT", S + "time/local", {"tz": 3}, **box.page()).status, 200, "demanded of nobody")
    box.daemon.put_settings(http__force_change=1)


def changing_the_password(box):
    """The page may always change it; the ticket ends with the old one, the same again changes nothing."""
    table = "proto/json/auth"
    changed = {"id": 1, "login": "admin", "password": "Новый-7", "lvl": 2}
    answer = box.ask("PUT", S + table, {"Settings": [changed]}, **box.page())
    same(answer.status, 200)
    same(box.ask("GET", "/main_index").status, 401, "the old ticket")
    same(smart_vectors.Smart(box.daemon.http).ask("POST", "/auth", {"login": "admin", "password": "admin"}).status, 403)
    box.smart.login("admin", "Новый-7")
    same(box.ask("PUT", S + "time/local", {"tz": 3}, **box.page()).status, 200)
    same(box.ask("GET", "/api/v1/status").json()["account"]["must_change"], False)
    box.write("PUT", table, [changed])
    box.write("PUT", table, [dict(changed, password="")])
    same(box.rows(table), [dict(changed, password="")], "the ticket goes on")
    box.write("DELETE", table, None)
    same(box.ask("GET", "/main_index").status, 401)
    box.smart.login()
    box.write("DELETE", table, None)
    same(box.rows(table), [dict(changed, password="")], "cleared by itself")


def tickets(box):
    smarts = [smart_vectors.Smart(box.daemon.http) for _ in range(3)]
    for smart in smarts:
        smart.login()
    same(len({smart.ticket for smart in smarts}), 3)
    same(smarts[1].ask("POST", "/logoff", raw="anything").body, b"200 OK")
    same([smart.ask("GET", "/main_index").status for smart in smarts], [200, 401, 200])
    same(smarts[1].ask("POST", "/logoff").status, 401)
    good, lost = smarts[0].ticket, smarts[1].ticket
    for cookie, status in (("sessionid=%s; sessionid=%s" % (lost, good), 200), ("a=b;sessionid=%s;c" % good, 200),
                           ("sessionid=%s; sessionid=%s" % (good, lost), 200), ("sessionid=%s0" % good, 401),
                           ("sessionid=" + good[:-1], 401), ("", 401), ("sessionid=" + "0" * 20, 401)):
        answer = smart_vectors.Smart(box.daemon.http).ask("GET", "/main_index", Cookie=cookie)
        same(answer.status, status, cookie)
        assert "WWW-Authenticate" not in answer.headers
    # A stranger is locked out for a minute, who is in stays in, and malformed bodies do not count.
    stranger = {"X-Real-IP": "10.9.9.9"}
    wrong = {"login": "admin", "password": "guess"}
    same({box.ask("POST", "/auth", raw="{", **stranger).status for _ in range(12)}, {400})
    same([box.ask("POST", "/auth", wrong, **stranger).status for _ in range(11)], [403] * 10 + [429])
    answer = box.ask("POST", "/auth", {"login": "admin", "password": "admin"}, **stranger)
    assert answer.status == 429 and 0 < int(answer.headers["Retry-After"]) <= 60, answer
    same(box.ask("GET", "/main_index", **stranger).status, 200)
    box.smart.login()


# ---- rows made of the schemas (8, 9, 16) ----

def made_tables(box):
    for endpoint in box.schemas.endpoints(("core", "second"), S):
        if endpoint["method"] == "POST" and not endpoint["path"][len(S):].startswith(OWN_RULES):
            yield endpoint


def key_of(row):
    return next((k for k in ("id", "name", "calendarName", "IOA", "addr") if k in row), None)


def holds(got, sent):
    """All keys of the row read are as sent, but for null members, which may be absent, and truths."""
    return all(name in got and got[name] == value and isinstance(got[name], type(value))
               for name, value in sent.items() if value is not None)


def round_trip(box, endpoint, optional):
    path, dialect = endpoint["path"], endpoint["dialect"]
    maker = Maker(box.schemas, endpoint, box.dice)
    wrapper, schema = maker.row()
    before = box.smart.get(path, dialect)
    if wrapper is None:
        row = maker.make(schema, optional)
        box.smart.write("PUT", path, row, dialect)
        got = box.smart.get(path, dialect)
        assert holds(got, row), (path, row, got)
        box.smart.write("PUT", path, {"Settings": row}, dialect)
        box.smart.write("DELETE", path, None, dialect)
        same(box.smart.get(path, dialect), before, path)
        return
    rows = [maker.make(schema, optional) for _ in range(8)]
    key = key_of(rows[0])
    rows = list({row[key]: row for row in rows}.values())
    if optional != "null":
        box.schemas.check(endpoint, "request", {wrapper: rows})
    box.smart.write("POST", path, {wrapper: rows}, dialect)
    for rewritten in (False, True):
        answer = box.smart.get(path, dialect)
        box.schemas.check(box.schemas.find("GET", path, dialect), "response", answer)
        read = {row[key]: row for row in answer[wrapper]}
        for row in rows:
            assert row[key] in read and holds(read[row[key]], row), (path, dialect, row, read.get(row[key]))
        if not rewritten:
            change = maker.make(schema, "all")
            rows[0] = dict(change, **{key: rows[0][key]})
            # A table is read, and all of it is written back.
            box.smart.write("PUT", path, answer, dialect)
            box.smart.write("PUT", path + "?mode=merge", {wrapper: rows[:1]}, dialect)
    box.smart.write("DELETE", path + "?cascade=1", {wrapper: [{key: row[key]} for row in rows]}, dialect)
    same(box.smart.get(path, dialect), before, path)


def made_rows_come_back(box):
    n = 0
    for optional in ("all", "none", "null"):
        for endpoint in made_tables(box):
            if optional != "null" or endpoint["dialect"] == 40:
                round_trip(box, endpoint, optional)
                n += 1
    assert n > 60, n
    box.write("DELETE", "templates/arch", None)


def wrong_kinds_are_refused(box):
    """Each member of each table with each wrong value: refused with its pointer, and nothing stored."""
    wrong = {"integer": ({}, [], "x", "1x", "", 1.5, True, 2 ** 40), "string": ({}, [], True, 5),
             "boolean": ({}, [], "maybe", 7, 0.5), "array": (5, True, "x")}
    n = 0
    for endpoint in made_tables(box):
        path, dialect = endpoint["path"], endpoint["dialect"]
        maker = Maker(box.schemas, endpoint, box.dice)
        wrapper, schema = maker.row()
        before = box.smart.get(path, dialect)
        good = maker.make(schema, "all")
        for name, of in schema["properties"].items():
            kind = maker.resolve(of).get("type")
            if not isinstance(kind, str) or kind not in wrong or name in ("archId", "free", "index"):
                continue
            value = wrong[kind][n % len(wrong[kind])]
            first = maker.make(schema, "all")
            if wrapper and first.get(key_of(first)) == good.get(key_of(good)):
                continue
            row = dict(good, **{name: value})
            body = {wrapper: [first, row]} if wrapper else row
            answer = box.ask("PUT", path, body, dialect)
            assert answer.status in (400, 422), (path, dialect, name, value, answer)
            where = ("/%s/1/%s" % (wrapper, name)) if wrapper else "/" + name
            assert answer.json()["where"].startswith(where), (path, name, value, answer)
            assert answer.json()["res"] in (5, 6, 7), answer
            n += 1
        same(box.smart.get(path, dialect), before, "nothing of it is stored: %s" % path)
    assert n > 140, n


def numbers(box):
    table = "events/schdl"
    for text, status in (("1", 200), ("2147483647", 200), ('"7"', 200), ("0", 422), ("-1", 422), ("2147483648", 422),
                         ("4294967297", 422), ("9223372036854775807", 422), ("9223372036854775808", 400),
                         ("18446744073709551617", 400), ("1" + "0" * 400, 400), ("1.0", 400), ("1.5", 400),
                         ("1e3", 400), ("1e400", 400), ("NaN", 400), ("Infinity", 400), ("-Infinity", 400),
                         ("01", 400), ("+1", 400),
                         ('" 7"', 400), ('"0x7"', 400), ('""', 400), ("true", 400), ("null", 400)):
        answer = box.ask("PUT", S + table, raw='{"Settings":[{"id":%s,"min":5}]}' % text)
        same(answer.status, status, text[:30])
    same(sorted(r["id"] for r in box.rows(table)), [1, 7, 2147483647])
    box.write("DELETE", table, None)


def documents(box):
    table = "events/schdl"
    one = '{"Settings":[{"id":1}]}'
    for raw, status in (("\ufeff" + one, 200), (one + "\r\n\t ", 200), ('{"settings":{"id":1}}', 200),
                        ('{"Settings":[{"id":9,"id":1,"x":"\\ud83d\\ude00"}]}', 200), (one.encode("utf-16"), 400),
                        (one.encode("utf-16-le"), 400), (one.encode("utf-32"), 400), (one + "\0", 400),
                        (one + one, 400), (one[:-1], 400), ('{"Settings":[{"id":1,"x":"\\ud83d"}]}', 400),
                        ('{"Settings":[{"id":1,"x":"\\u0000"}]}', 400),
                        (b'{"Settings":[{"id":1,"x":"\xc0\x80"}]}', 400),
                        ('{"a":' + "[" * 31 + "]" * 31 + ',"Settings":[{"id":1}]}', 200),
                        ('{"a":' + "[" * 32 + "]" * 32 + ',"Settings":[]}', 400), ("[" * 200000, 400),
                        ('{"a":"' + "[{" * 100 + '","Settings":[{"id":1}]}', 200), ("[]", 400), ('"x"', 400),
                        ("", 400), (" ", 400), ('{"Settings":null}', 400), ('{"Settings":7}', 400), ("{}", 400),
                        ('{"SETTINGS":[]}', 400), ('{"Settings":[[]]}', 400), ('{"Settings":[null]}', 400)):
        answer = box.ask("PUT", S + table, raw=raw)
        same(answer.status, status, repr(raw[:50]))
        same([r["id"] for r in box.rows(table)], [1] if status == 200 else [], repr(raw[:50]))
        box.write("DELETE", table, None)
    for field in ("application/json; charset=utf-8", "text/plain", "", "nonsense/;;"):
        same(box.ask("PUT", S + table, raw=one, **{"Content-type": field}).status, 200, field)
    box.write("DELETE", table, None)


def moments_and_zones(box):
    """Times as people and browsers write them (7.6); the zone, wrapped or not (8.8)."""
    moment = int(time.time()) // 60 * 60
    iso = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment))
    for text in (iso + "Z", iso + ".000Z", local(moment), iso + "+0000", local(moment)[:19],
                 local(moment)[:16].replace("T", " "), moment, str(moment * 1000)):
        for method in ("PUT", "POST"):
            box.smart.write(method, "/action/time/set", {"time": text})
        got = box.smart.get("/state/time")["time"]
        assert local(moment) <= got <= local(moment + 5), (text, got)
    for text in ("2024-02-30T00:00:00Z", "1999-12-31T23:59:59Z", "2100-01-01T00:00:00Z", "2024-06-01T24:00:00",
                 "soon", ""):
        box.smart.write("PUT", "/action/time/set", {"time": text}, wanted=422)
    for body, wanted in (({"tz": 7, "dst": True}, (7, True)), ({"tz": 5.5}, (5.5, True)),
                         ({"Settings": {"tz": "4"}}, (4, True)),
                         ({"Settings": [{"tz": -12, "dst": 0}]}, (-12, False)), ({"tz": 14, "dst": None}, (14, False))):
        box.smart.write("PUT", S + "time/local", body)
        for dialect in (31, 40):
            same(box.smart.get(S + "time/local", dialect), {"tz": wanted[0], "dst": wanted[1]}, body)
    for body in ({"tz": 15}, {"tz": -13}, {"tz": "x"}, {"tz": []}, {"dst": True}, {"tz": 3, "dst": 2}):
        assert box.ask("PUT", S + "time/local", body).status in (400, 422), body
    box.smart.write("DELETE", S + "time/local")
    same(box.smart.get(S + "time/local"), {"tz": 3, "dst": False})


def several_rows_are_one_change(box):
    """Conformance, item 4; a key twice in one request; rows that refer to what comes later."""
    table = "events/schdl"
    box.write("POST", table, [{"id": 3, "min": 3}])
    before = box.rows(table)
    for method, rows, status, where in (
            ("POST", [{"id": 1}, {"id": 2}, {"id": 1}], 409, "/Settings/2/id"),
            ("PUT", [{"id": 1}, {"id": 1}], 409, "/Settings/1/id"),
            ("POST", [{"id": 1}, {"id": 3}], 409, "/Settings/1/id"),
            ("PUT", [{"id": 3, "min": 4}, {"id": 4, "min": 60}], 422, "/Settings/1/min"),
            ("PUT", [{"id": 3, "min": 4}, 7], 400, "/Settings/1"), ("POST", [{"id": 5}, {}], 400, "/Settings/1/id")):
        answer = box.write(method, table, rows, wanted=status)
        same((answer["where"], box.rows(table)), (where, before), rows)
    box.write("DELETE", table, None)
    forward = [("events/manager", {"id": 1, "eventType": "Calendar", "eventId": 9, "actionType": "Poller",
                                   "actionId": 8}),
               ("actions/meter", {"id": 8, "archTypesName": "later", "metersName": "later too"}),
               ("templates/meter", {"name": "later too", "meters": [77]}),
               ("actions/mqtt", {"id": 1, "meterMessageId": 5, "brokerId": 6, "topic": "t"})]
    for name, row in forward:
        box.write("POST", name, [row])
        same(box.rows(name), [row])
    for name, _ in forward:
        box.write("DELETE", name, None)
    child = {"id": 1, "pId": 2, "typeName": "Mercury23x", "addr": "1", "passRd": "", "passWr": "", "ifaceName": "Hub",
             "ifaceCfg": None}
    hub = dict(child, id=2, pId=0, typeName="MILURIC", addr="10.0.0.9:4001", ifaceName="Ethernet")
    box.write("POST", "meter/table", [child, hub])
    same([r["pId"] for r in box.rows("meter/table", 31)], [2, 0])
    box.write("DELETE", "meter/table", {"id": [1, 2]})


def a_whole_table_of_meters(box):
    """1500 rows in each dialect come back as they were sent, and cross over to the other."""
    rows = [{"id": 3 * i, "pId": 0, "typeName": "Mercury23x", "addr": "%d" % i, "passRd": "010101010101",
             "passWr": "020202020202", "ifaceName": "Iface%d" % (i % 4 + 1), "ifaceCfg": ("9600,8n1", "", None)[i % 3],
             "rtuObjType": (3, None)[i % 2], "rtuObjNum": i, "rtuFider": 1} for i in range(1, 1501)]
    box.write("POST", "meter/table", rows)
    got = box.rows("meter/table")
    same([{k: r[k] for k in rows[0]} for r in got], rows)
    same(len({r["index"] for r in got}), 1500)
    old = box.rows("meter/table", 31)
    same([(r["id"], r["iface"], r["br"]) for r in old],
         [(r["id"], int(r["ifaceName"][-1]) - 1, 9600 if r["ifaceCfg"] else 0) for r in rows])
    box.write("PUT", "meter/table", old, 31)
    same([{k: r.get(k) for k in rows[0]} for r in box.rows("meter/table")], rows, "written back by the other dialect")
    same(len(box.ask("GET", S + "meter/table", Accept_Encoding="gzip").headers["Content-Encoding"]), 4)
    packed = box.ask("GET", S + "meter/table", Accept_Encoding="gzip").body
    same(json.loads(gzip.decompress(packed))["Meters"], box.rows("meter/table"))
    same(box.smart.get("/state/meter_table")["curSize"], 1500)
    faults = []

    def read():
        smart = smart_vectors.Smart(box.daemon.http)
        smart.ticket = box.smart.ticket
        for _ in range(2):
            marks = [r["rtuObjNum"] for r in smart.get(S + "meter/table")["Meters"]]
            if len(marks) != 1500 or len({m - i for i, m in enumerate(marks)}) != 1:
                faults.append("a torn table")

    readers = [threading.Thread(target=read) for _ in range(25)]
    for reader in readers:
        reader.start()
    for turn in range(3):
        box.write("PUT", "meter/table", [dict(r, rtuObjNum=r["rtuObjNum"] + turn) for r in rows])
    for reader in readers:
        reader.join()
    same(faults, [])
    box.write("DELETE", "meter/table", None)
    same(box.smart.get(S + "meter/table"), {"Meters": None})


# ---- paths, methods, languages, lengths (2, 4, 5, 19) ----

def every_path_and_method(box):
    """GET answers, HEAD like it without a body, OPTIONS with the methods; others are refused."""
    gets = {(e["path"], e["dialect"]): e for e in box.schemas.endpoints(("core", "second")) if e["method"] == "GET"}
    served = {}
    for endpoint in box.schemas.endpoints(("core", "second")):
        served.setdefault((endpoint["path"], endpoint["dialect"]), set()).add(endpoint["method"])
    assert len(gets) > 110, len(gets)
    for (path, dialect), endpoint in gets.items():
        answer = box.ask("GET", path, dialect=dialect)
        same(answer.status, 200, (path, dialect))
        same(answer.headers["Cache-Control"], "no-store", path)
        if "response" in endpoint:
            same(answer.headers["Content-Type"], "application/json", path)
            box.schemas.check(endpoint, "response", answer.json())
    for (path, dialect), methods in served.items():
        allowed = set(box.ask("OPTIONS", path, dialect=dialect).headers["Allow"].split(", "))
        assert methods <= allowed, (path, dialect, allowed)
        if "GET" in methods:
            head = box.ask("HEAD", path, dialect=dialect)
            same((head.status, head.body), (200, b""), path)
            assert int(head.headers.get("Content-Length", 1)) > 0, head.headers
        for method in {"GET", "POST", "PUT", "DELETE", "PATCH"} - allowed:
            answer = box.ask(method, path, {"Settings": []} if method != "GET" else None, dialect=dialect)
            same(answer.status, 405, (method, path))
            assert method not in answer.headers["Allow"], answer.headers
        if path.startswith(("/state", "/jrnl")):
            same(allowed, {"GET", "HEAD", "OPTIONS"}, path)
    for (path, dialect) in served:
        if dialect == 40 and (path, 31) not in served and path.startswith(S):
            for header in (31, None, "4O"):
                same(box.ask("GET", path, dialect=header).status, 405, path)


def spellings_of_paths(box):
    wanted = box.smart.get(S + "ip")
    for path in ("/settings/ip/", "//settings///ip//", "/settings/%69p", "/settings/ip?x=1", "/settings/ip?",
                 "/settings%2Fip"):
        same(box.smart.get(path), wanted, path)
    for path, statuses in (("/settings/../settings/ip", (400, 404)), ("/settings/%2e%2e/ip", (400, 404)),
                           ("/settings/ip%5c", (400, 404)), ("/settings/ip%00", (400, 404)),
                           ("/settings/ip%zz", (400, 404)),
                           ("/settings/%2569p", (404, 405)), ("/Settings/ip", (404, 405)), ("/settings", (404, 405)),
                           ("/settings/iec60870/mapioa", (404, 405)), ("/charge/data/arch", (404, 405)),
                           ("/state/charge", (404, 405)), ("/settings/smtp", (404, 405)),
                           ("/settings/email", (404, 405)),
                           ("/settings/action/mqtt", (404, 405)), ("/jrnl/audit", (404, 405)), ("/jrnl", (404, 405))):
        answer = box.ask("GET", path)
        assert answer.status in statuses and answer.json()["res"] > 0, (path, answer)


def languages(box):
    """Texts for people are Russian, or English for who prefers it; the tools' own interface is English."""
    russian, latin = re.compile("[а-яА-Я]"), re.compile("^[^а-яА-Я]*$")
    refusals = [("POST", "/auth", '{"login":"a","password":"b"}'), ("POST", "/auth", "{"), ("POST", "/auth", "[]"),
                ("GET", "/nothing", None), ("PUT", "/state/time", "{}"), ("GET", "/jrnl/nothing", None),
                ("POST", "/meter/data/arch", '{"measures":["Nothing"]}'),
                ("POST", "/meter/data/arch", '{"measures":[5]}'),
                ("PUT", "/meter/settings/time", '{"id":77}'), ("PUT", "/meter/settings/relay", '{"id":"x"}'),
                ("PUT", "/action/time/set", '{"time":"soon"}'), ("POST", "/upload/firmware", "x"),
                ("PUT", S + "events/schdl", '{"Settings":[{}]}'), ("GET", S + "ip?limit=x", None),
                ("PUT", S + "events/schdl", "[" * 50)]
    address = {"X-Real-IP": "10.9.9.10"}
    for method, path, raw in refusals:
        plain = box.ask(method, path, raw=raw, **address)
        english = box.ask(method, path, raw=raw, Accept_Language="en-GB,en;q=0.8,ru;q=0.2", **address)
        both = box.ask(method, path, raw=raw, Accept_Language="ru,en;q=0.5", **address)
        same(plain.status, english.status, path)
        assert plain.status >= 400 and russian.search(plain.json()["error"]), (path, plain)
        assert latin.match(english.json()["error"]), (path, english)
        same(both.body, plain.body, path)
    stranger = smart_vectors.Smart(box.daemon.http)
    assert russian.search(stranger.ask("GET", "/main_index").json()["error"])
    assert latin.match(box.ask("GET", "/api/v1/nothing").json()["error"])
    assert russian.search(box.ask("GET", "/api/v1/nothing", Accept_Language="ru").json()["error"])


def every_text_has_its_russian(_box):
    """What SMART-JSON may answer is in the table of http_words.c: read from the sources."""
    def literal(text):
        return "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', text))

    folder = os.path.join(ROOT, "smart-json")

    def source(name):
        with open(os.path.join(folder, name), encoding="utf-8") as f:
            return f.read()

    words = {literal(pair) for pair in re.findall(r'\{\s*((?:"(?:[^"\\]|\\.)*"\s*)+),', source("http_words.c"))}
    names = [n for n in os.listdir(folder) if re.fullmatch(r"(smart\w*|http\w*)\.c", n)] + ["api.c"]
    said = set()
    for name in names:
        for call in re.findall(r'\bhttp_fail(?:_res|_err)?\(((?:[^;"]|"(?:[^"\\]|\\.)*")*)\);', source(name)):
            for text in re.findall(r'((?:"(?:[^"\\]|\\.)*"\s*)+)', call):
                text = literal(text)
                if re.search("[a-z]{2}", text) and " " in text.replace("%s: %s", ""):
                    said.add((name, text))
    missing = sorted(entry for entry in said if entry[1] not in words)
    assert len(said) > 40 and not missing, missing


def lengths(box):
    rows = '{"Settings":[{"id":1}]}'
    same(box.ask("PUT", S + "events/schdl", raw=rows + " " * ((8 << 20) - len(rows))).status, 200, "8 MiB")
    same(box.ask("PUT", S + "events/schdl", raw=rows + " " * ((8 << 20) - len(rows) + 1)).status, 413, "a byte more")
    box.write("DELETE", "events/schdl", None)
    head = ("PUT /settings/events/schdl HTTP/1.1\r\nHost: x\r\nX-Protocol-USPD: 40\r\nConnection: close\r\n" +
            box.cookie())
    told = box.raw((head + "Content-Length: 999999999\r\n\r\n").encode())
    assert told.startswith(b"HTTP/1.1 413 "), told[:80]
    # Chunks, HTTP/1.0, two requests at once, a body with GET.
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (b'{"Settings"', b':[{"id":1', b"}]}"))
    told = box.raw((head + "Transfer-Encoding: chunked\r\n\r\n").encode() + chunks + b"0\r\n\r\n")
    assert told.startswith(b"HTTP/1.1 200 "), told[:80]
    old = "GET /settings/events/schdl HTTP/1.0\r\nX-Protocol-USPD: 40\r\n" + box.cookie()
    assert box.raw((old + "\r\n").encode()).endswith(b'"settings":[{"id":1}]}\n')
    get = "GET /state/time HTTP/1.1\r\nHost: x\r\n" + box.cookie()
    told = box.raw((get + "Content-Length: 4\r\n\r\n{\"a\"" + get + "Connection: close\r\n\r\n").encode())
    same(told.count(b"HTTP/1.1 200 OK"), 2, told[:200])
    box.write("DELETE", "events/schdl", None)
    mqtt = {"id": 1, "addr": "a", "port": 1, "prefix": "", "deviceID": "", "cropt": 0}
    for name in ("addr", "prefix", "login"):
        answer = box.write("PUT", "servers/mqtt", [dict(mqtt, **{name: "ы" * 4097})], wanted=422)
        same(answer["where"], "/Settings/0/" + name)
    tls = {"id": 60, "port": 5566, "type": 3, "state": True, "key": "k"}
    box.write("POST", "servers/tcp", [dict(tls, cert="c" * 65536)], 31)
    box.write("PUT", "servers/tcp", [dict(tls, cert="c" * 65537)], 31, wanted=422)
    box.write("DELETE", "servers/tcp", None, 31)


# ---- levels (3.5) ----

def levels(box):
    box.write("POST", "proto/json/auth", [{"id": 2, "login": "reader", "password": "r", "lvl": 1},
                                          {"id": 3, "login": "nobody", "password": "n", "lvl": 0}])
    reader = smart_vectors.Smart(box.daemon.http)
    reader.login("reader", "r")
    same(reader.ask("POST", "/auth", {"login": "nobody", "password": "n"}).status, 403)
    secrets = ("passRd", "passWr", "password", "userPassword", "pin", "key")
    for endpoint in box.schemas.endpoints(("core", "second")):
        method, path, dialect = endpoint["method"], endpoint["path"], endpoint["dialect"]
        if path in ("/auth", "/logoff") or path.startswith(("/upload", "/download")):
            continue
        answer = reader.ask(method, path, None if method == "GET" else {}, dialect)
        if method == "GET":
            same(answer.status, 200, path)
            for name, value in re.findall(r'"(\w+)":"([^"]*)"', answer.body.decode()):
                assert name not in secrets or value == "", (path, name)
        elif path.startswith("/meter/data"):
            assert answer.status in (200, 400), (path, answer)
        else:
            same(answer.status, 403, (method, path, dialect))
    box.write("DELETE", "proto/json/auth", [{"id": 2}, {"id": 3}])
    same(reader.ask("GET", "/main_index").status, 401)


# ---- states and journals with rows (13, 14) ----

WHEN = 1717189200
JOURNALS = {    # what the rooms write, with what old clients may not see; see smart_journal.c
    "action": {"event": {"id": 1, "type": "Scheduler"}, "action": {"id": 2, "type": "Poller"}, "result": "ok"},
    "time": {"oldTime": WHEN, "newTime": WHEN + 5, "source": 2},
    "meter/answ": {"idMeter": 6, "type": 3, "iface": 0, "addr": "72", "answer": False},
    "auth/json": {"login": "диспетчер-подстанции", "lvl": 1}, "reset": {"reason": 2, "detail": "power"},
    "srvconn": {"server": "10.0.0.1:33333", "client": "10.0.0.2:40000", "iface": 1},
    "update/version": {"version": "1.3.0417"}, "update/loader": {"version": "00010203", "status": 2},
    "ppp/clconn": {"res": 4}, "ppp/srvconn": {"res": 1}, "call": {"number": "+79990000000"},
    "sms/get": {"number": "+79990000000"}, "din/sens": {"sens": 0, "state": 1}, "din/pwrline": {"sens": 4, "state": 0},
    "din/power": {"sens": 5, "state": 1}, "din/charge": {"sens": 8, "state": 0}, "din/open": {"sens": 10, "state": 1},
    "mail/msg": {"idMsg": 1, "idSrv": 2, "idTo": 3, "action": 1, "res": 19},
    "mail/send": {"idMsg": 1, "idSrv": 2, "idTo": 3, "res": 12},
    "sms/msg": {"idMsg": 1, "idTo": 3, "action": 2, "res": 0},
    "sms/send": {"idMsg": 1, "idTo": 3, "res": 9, "err": 500},
    "mqtt/connect": {"connect": WHEN, "disconnect": WHEN + 60, "address": "10.0.0.9", "port": 1883, "res": 14},
    "mqtt/message": {"file": "m1", "topicH": "askue", "topicL": "a-topic-longer-than-sixteen", "status": 0},
}


def local(utc):
    return time.strftime("%Y-%m-%dT%H:%M:%S+03:00", time.gmtime(utc + 10800))


def journal_numbers():
    with open(os.path.join(ROOT, "src", "store", "store.h"), encoding="utf-8") as f:
        listed = f.read().split("#define DEVICE_JOURNALS(ROW)")[1].split("enum device_journal")[0]
    return {name: i for i, name in enumerate(re.findall(r'ROW\(\w+, "([^"]+)"\)', listed))}


def journals_with_rows(box):
    """Rows are put into the journals while the device is off, so that each has some."""
    same(box.daemon.stop(), 0)
    numbers_of = journal_numbers()
    with sqlite3.connect(os.path.join(box.daemon.data_dir, "config.db")) as db:
        for name, row in JOURNALS.items():
            db.execute("DELETE FROM journal WHERE kind = ?", (numbers_of[name],))
            db.executemany("INSERT INTO journal(kind, id, ts, json) VALUES(?, ?, ?, ?)",
                           [(numbers_of[name], i, WHEN + 60 * i, json.dumps(row)) for i in (1, 2, 3)])
    db.close()
    box.start()
    served = [e for e in box.schemas.endpoints(("core", "second"), "/jrnl/") if e["method"] == "GET"]
    same({e["path"][6:] for e in served}, set(JOURNALS), "journals of the schemas")
    for endpoint in served:
        name, row = endpoint["path"][6:], JOURNALS[endpoint["path"][6:]]
        answer = box.smart.get(endpoint["path"], endpoint["dialect"])
        box.schemas.check(endpoint, "response", answer)
        got = answer["Jrnl"][:3]
        same(len(got), 3, name)
        allowed = set(row) - {"result", "detail"} | ({"time"} if name == "action" else {"id", "time"})
        for i, shown in enumerate(got):
            same(set(shown), allowed - ({"time"} if name in ("time", "mqtt/connect") else set()), name)
            if isinstance(shown.get("time"), str):
                same(shown["time"], local(WHEN + 60 * (i + 1)), name)
            for member, value in row.items():
                if member in ("login", "topicH", "topicL"):
                    value = value[:16]
                if isinstance(value, int) and value >= WHEN:
                    value = local(value)
                assert member not in shown or shown[member] == value, (name, member, shown)
        if name == "action":
            same([r["time"] for r in got], [WHEN + 60, WHEN + 120, WHEN + 180])
        window = box.smart.get(endpoint["path"] + "?from=%d&to=%d" % (WHEN + 100, WHEN + 130), endpoint["dialect"])
        same(window["Jrnl"], got[1:2], name)
        newest = box.smart.get(endpoint["path"] + "?order=desc&limit=1&to=%d" % (WHEN + 180), endpoint["dialect"])
        same(newest["Jrnl"], got[2:], name)


def states(box):
    box.write("PUT", "dout", [{"addr": "/dev/ttyUSB3", "state": "on"}, {"addr": "/dev/ttyUSB0", "state": "off"}])
    lines = {row["addr"]: row["state"] for row in box.smart.get("/state/dout")["State"]}
    same(lines, {0: 0, 1: 1, 2: 1, 3: 1}, "0 is on")
    box.daemon.put_settings(http__dout_inverted=0)
    same(box.smart.get("/state/dout", 31)["State"][0], {"addr": 0, "state": 1})
    box.daemon.put_settings(http__dout_inverted=1)
    box.write("DELETE", "dout", None)
    for endpoint in box.schemas.endpoints(("core", "second"), "/state/"):
        box.schemas.check(endpoint, "response", box.smart.get(endpoint["path"], endpoint["dialect"]))


# ---- what programs read (issue B, 5) ----

NAME, LABEL = r"[a-zA-Z_:][a-zA-Z0-9_:]*", r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"'
NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|Inf|NaN)"


def metrics_are_metrics(box):
    """The text format 0.0.4: TYPE before samples, a metric in one piece, no sample twice, counters _total."""
    answer = box.ask("GET", "/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4"), answer.headers
    text = answer.body.decode()
    assert text.endswith("\n")
    kinds, helped, seen, closed, now = {}, set(), set(), set(), None
    for line in text.splitlines():
        comment = re.fullmatch(r"# (HELP|TYPE) (%s) (.+)" % NAME, line)
        sample = re.fullmatch(r"(%s)(\{%s(?:,%s)*\})? (%s)" % (NAME, LABEL, LABEL, NUMBER), line)
        assert comment or sample, line
        name = (comment or sample).group(2 if comment else 1)
        if name != now:
            assert name not in closed, "%s stands in two places" % name
            closed.add(now)
            now = name
        if comment and comment.group(1) == "TYPE":
            assert name not in kinds and comment.group(3) in ("counter", "gauge"), line
            kinds[name] = comment.group(3)
        elif comment:
            assert name not in helped, line
            helped.add(name)
        else:
            assert name in kinds and (name, sample.group(2)) not in seen, line
            assert (kinds[name] == "counter") == name.endswith("_total"), line
            seen.add((name, sample.group(2)))
    assert len(kinds) > 25 and helped == set(kinds), sorted(kinds)


def resolves(document, reference):
    at = document
    for part in reference[2:].split("/"):
        at = at[part.replace("~1", "/").replace("~0", "~")]
    return at


def description_is_sound(box):
    """OpenAPI 3.1 as far as its rules bear on what we say; and every path of it is there."""
    document = box.daemon.get("openapi.json")
    same(sorted(set(document) - {"openapi", "info", "paths", "components", "security", "servers"}), [])
    assert re.fullmatch(r"3\.1\.\d+", document["openapi"]) and set(document["info"]) >= {"title", "version"}
    schemes = document["components"]["securitySchemes"]
    for item in document["security"]:
        assert set(item) <= set(schemes), item
    for reference in re.findall(r'"\$ref": "([^"]+)"', json.dumps(document)):
        resolves(document, reference)
    operations = 0
    for path, item in document["paths"].items():
        assert path.startswith("/") and set(item) <= {"get", "post", "put", "delete"}, path
        for operation in item.values():
            allowed = {"summary", "description", "parameters", "requestBody", "responses", "security"}
            assert {k for k in operation if not k.startswith("x-")} <= allowed, operation
            parameters = operation.get("parameters", [])
            places = [(p["in"], p["name"]) for p in parameters]
            same(len(set(places)), len(places), path)
            same({n for where, n in places if where == "path"}, set(re.findall(r"\{(\w+)\}", path)), path)
            assert all(p["in"] in ("path", "query", "header") and "schema" in p for p in parameters), path
            assert all(p.get("required") is True for p in parameters if p["in"] == "path"), path
            for status, response in operation["responses"].items():
                assert re.fullmatch(r"[1-5]\d\d|default", status), status
                assert "$ref" in response or "description" in response, response
            for content in (operation.get("requestBody", {}).get("content", {}), {}):
                assert all("/" in kind and "schema" in of for kind, of in content.items()), path
            operations += 1
    assert operations > 200, operations
    for endpoint in box.schemas.endpoints(("core", "second")):
        path = re.sub(r"^/jrnl/.*", "/jrnl/{kind}", endpoint["path"])
        path = re.sub(r"^/meter/settings/calendar/\w+", "/meter/settings/calendar/{what}", path)
        known = [p for p in document["paths"] if re.sub(r"\{\w+\}", "{}", p) == re.sub(r"\{\w+\}", "{}", path)]
        assert known and endpoint["method"].lower() in document["paths"][known[0]], endpoint["path"]
        assert endpoint["dialect"] in document["paths"][known[0]][endpoint["method"].lower()]["x-dialects"], endpoint


def recorded_cases(box):
    """The vectors with the factory's account, in their order, on a device as it is; bodies by form."""
    for case in smart_vectors.load():
        path = case["request"]["path"]
        if path in ("/action/restart", "/action/time/set") or path.startswith("/meter/"):
            continue    # 64 and 66 play them
        if case["request"]["method"] == "POST" and path.startswith(S):
            box.smart.write("DELETE", path + "?cascade=1", None, int(case["request"]["headers"]["X-Protocol-USPD"]))
        if case["case"].startswith("meter-table") or case["case"] in ("null-when-empty",):
            continue    # 62 plays them whole
        smart_vectors.play(box.smart, case, form=True)


CASES = [out_of_the_box, changing_the_password, tickets, made_rows_come_back, wrong_kinds_are_refused, numbers,
         documents, moments_and_zones, several_rows_are_one_change, a_whole_table_of_meters, every_path_and_method,
         spellings_of_paths, languages,
         every_text_has_its_russian, lengths, levels, journals_with_rows, states, metrics_are_metrics,
         description_is_sound, recorded_cases]


def main():
    report = Report()
    with Directory() as directory:
        box = Box(directory)
        box.daemon.put_settings(poll__enabled=0)
        for case in CASES:
            begun = time.monotonic()
            report.case(case.__name__.replace("_", " "), case, box)
            if time.monotonic() - begun > 5:
                print("      %.1f s" % (time.monotonic() - begun))
        report.case("ends cleanly", lambda: same(box.daemon.stop(), 0))
    report.end()


main()
