#!/usr/bin/env python3
"""Meter data and orders to meters over SMART-JSON, both dialects: a polled street whose every value is
the model's, questions that go to the meters themselves, relays, clocks, and the vectors of chapter 10."""

import json
import random
import socket
import threading
import time

import smart_vectors
import street_check
from smart_schema import Schemas
from uspd import Daemon, Directory, Report, Street, same

TZ = 180 * 60
DAY, SLOT = 86400, 1800
STREET = {
    "tz_min": TZ // 60, "history_days": 8,
    "buses": [
        {"name": "Iface1", "pty": True, "meters": [
            {"type": "mercury230", "address": 1, "serial": "50000001"},
            {"type": "mercury236", "address": 72, "serial": "50000072",
             "outages": [[-150000, -149000], [-40000, -28000]]}]},
        {"name": "Iface2", "pty": True, "meters": [
            {"type": "ce303", "serial": "009114250000001"},
            {"type": "ce301", "serial": "008841250000101"}]},
        {"name": "gate", "tcp": "127.0.0.1:0", "meters": [
            {"type": "mercury234", "address": 72, "serial": "50000272"}]},
        {"name": "Iface3", "pty": True, "meters": [
            {"type": "mercury236", "address": 9, "serial": "50000909"},
            {"type": "mercury236", "address": 10, "serial": "50000910", "dead": True}]},
    ],
}
FRESH, DEAD = "50000909", "50000910"     # put into the table only later: nobody polls them
ENERGY = [channel + str(tariff) for channel in ("A+", "A-", "R+", "R-") for tariff in range(5)]
MOMENT_S = 5


class Head:
    """A head-end with its daemon and street."""

    def __init__(self, directory):
        self.street = Street(directory, STREET, "--unpaced")
        self.daemon = Daemon(directory, self.street.links)
        rows = self.street.meters()
        self.rows = {row["serial"]: row for row in rows}
        self.meters = {m.serial_text: m for m in street_check.street_meters(STREET, self.street.ready, rows)}
        self.polled = [m for m in self.meters.values() if m.serial_text not in (FRESH, DEAD)]
        self.ids = sorted(int(m.id) for m in self.polled)
        self.smart = smart_vectors.Smart(self.daemon.http)
        self.schemas = Schemas()

    def start(self):
        self.daemon.put_settings(poll__backfill_days=3, poll__journal_min=0, clock__correct=0,
                                 http__force_change=0)
        self.put_meters([m.serial_text for m in self.polled])
        self.daemon.wait_complete(60)
        self.daemon.put_settings(poll__enabled=0)
        self.smart.login()

    def put_meters(self, serials):
        names = list(self.rows[serials[0]])
        lines = [";".join(names)] + [";".join(self.rows[s][n] for n in names) for s in serials]
        self.daemon.import_meters("\r\n".join(lines) + "\r\n")

    def id(self, serial):
        return int(self.rows[serial]["id"])

    # ---- asking ----

    def ask(self, path, body, dialect=40, status=200, **headers):
        answer = self.smart.ask("POST", path, body, dialect, **headers)
        assert answer.status == status, (path, body, answer)
        document = answer.json()
        if status == 200:
            self.schemas.check(self.schemas.find("POST", path, dialect), "response", document)
        return document

    def blocks(self, path, measures, dialect=40, **members):
        """{measure: {id: device}}; every measure asked is there, in its order."""
        document = self.ask(path, dict({"ids": self.ids, "measures": measures}, **members), dialect)
        assert [m["measure"] for m in document["measures"]] == measures, document
        for block in document["measures"]:
            ids = [d["id"] for d in block["devices"]]
            assert ids == sorted(ids), ids
        return {m["measure"]: {d["id"]: d for d in m["devices"]} for m in document["measures"]}

    def arch(self, measure, **members):
        return self.blocks("/meter/data/arch", [measure], **members)[measure]

    def moment(self, measure, **members):
        return self.blocks("/meter/data/moment", [measure], **members)[measure]


def tags_of(entry):
    return {t["tag"]: t["val"] for t in entry["tags"]}


def stamps(device):
    return [entry["ts"] for entry in device["vals"] or []]


def thousandths(value):
    return None if value is None else round(value * 1000)


# ---- archives ----

def same_energy(meter, entry, local, what):
    values = tags_of(entry)
    same(list(values), ENERGY, "tags")
    for tag, value in values.items():
        same(thousandths(value), meter.energy(tag[:2], int(tag[2]), local), "%s %s %s" % (meter.id, what, tag))


def readings_are_the_models(head):
    n = 0
    for measure in ("ElDayEnergy", "ElMonthEnergy"):
        devices = head.arch(measure)
        same(sorted(devices), head.ids, "meters")
        for meter in head.polled:
            device = devices[int(meter.id)]
            same(device["serial"], meter.serial_text, "serial")
            assert stamps(device) == sorted(set(stamps(device))), stamps(device)
            for entry in device["vals"] or []:
                assert entry["tags"], entry
                same_energy(meter, entry, entry["ts"] + TZ, measure)
                n += 1
    assert n >= 2 * len(head.polled), n


def consumption_is_the_difference(head):
    days, used = head.arch("ElDayEnergy"), head.arch("ElDayConsEnergy")
    for number in head.ids:
        values = {e["ts"]: tags_of(e) for e in days[number]["vals"]}
        assert used[number]["vals"], used[number]
        for entry in used[number]["vals"]:
            start, end = values[entry["ts"]], values[entry["ts"] + DAY]
            for tag, value in tags_of(entry).items():
                wanted = None if start[tag] is None else thousandths(end[tag]) - thousandths(start[tag])
                same(thousandths(value), wanted, "%d %s" % (number, tag))


def profiles_are_the_models(head):
    n = 0
    for meter in head.polled:
        device = head.arch("ElArr1ConsPower", ids=[int(meter.id)],
                           tags=["isMeas", "Q-", "Q+", "P-", "P+", "cTime"])[int(meter.id)]
        for entry in device["vals"]:
            if not entry["tags"]:
                continue        # the meter has no such slice
            values = tags_of(entry)
            same(list(values), ["cTime", "P+", "P-", "Q+", "Q-", "isMeas"], "order of tags")
            local = entry["ts"] + TZ
            for channel, tag in zip(meter.has, ("P+", "P-", "Q+", "Q-")):
                same(thousandths(values[tag]), meter.power(channel, local),
                     "%s %s at %d" % (meter.id, tag, entry["ts"]))
            n += 1
        seen = stamps(device)
        assert all(b - a == SLOT for a, b in zip(seen, seen[1:])), seen
    assert n > 100 * len(head.polled), n


def dialects_say_the_same(head):
    for d40, d31 in (("ElDayEnergy", "aDay"), ("ElArr1ConsPower", "aCons"), ("ElConfig", "aCfg")):
        tags = ["A+0", "P+", "isMeas", "serial", "kI"]
        old = head.blocks("/meter/data", [d31], 31, tags=tags)[d31]
        new = head.arch(d40, tags=tags)
        same(sorted(old), sorted(new), d31)
        for number, device in new.items():
            assert isinstance(old[number]["vals"], list)
            same(len(old[number]["vals"]), len(device["vals"]), d31)
            for a, b in zip(old[number]["vals"], device["vals"]):
                same(a["ts"], time.strftime("%Y-%m-%dT%H:%M:%S+03:00", time.gmtime(b["ts"] + TZ)), "ts")
                same(tags_of(a), tags_of(b), d31)


def windows_and_filters(head):
    """Conformance, item 5 (smart-json.md 20)."""
    number = next(int(m.id) for m in head.polled if m.kind == "ce303")     # keeps more than two days
    every = stamps(head.arch("ElDayEnergy", ids=[number])[number])
    assert len(every) >= 3, every
    dice = random.Random(7)
    for _ in range(40):
        windows = []
        for _ in range(dice.randrange(1, 4)):
            a, b = (dice.choice(every) + dice.choice((-1, 0, 1)) for _ in "ab")
            windows.append({"start": a, "end": b})
        wanted = [ts for ts in every if any(w["start"] <= ts <= w["end"] for w in windows)]
        same(stamps(head.arch("ElDayEnergy", ids=[number], time=windows)[number]), wanted, repr(windows))
        newest = stamps(head.arch("ElDayEnergy", ids=[number], time=windows, flags=["lastTime"])[number])
        same(newest, wanted[-1:], "lastTime in %r" % windows)
    device = head.arch("ElDayEnergy", ids=[number, 4711], tags=["R+1", "A+0", "UA"],
                       time=[{"start": every[0], "end": every[0]}])
    same(list(device), [number], "an unknown id is absent")
    same([list(tags_of(e)) for e in device[number]["vals"]], [["A+0", "R+1"]], "tags")
    inverted = head.arch("ElDayEnergy", ids=[number], time=[{"start": 2, "end": 1}])[number]
    assert not inverted["vals"], inverted
    both = head.blocks("/meter/data/arch", ["ElMonthEnergy", "ElJrnlPwr", "ElDayEnergy"], ids=[])
    same([sorted(block) for block in both.values()], [head.ids] * 3, "all meters")
    same(head.ask("/meter/data/arch", {"ids": [4711], "measures": ["ElDayEnergy"]}),
         {"measures": [{"measure": "ElDayEnergy", "devices": []}]}, "nobody")
    by_serial = head.arch("ElDayEnergy", ids=[], serials=["250000"], tags=["A+0"])
    same(sorted(by_serial), sorted(int(m.id) for m in head.polled if "250000" in m.serial_text), "serials")
    index = by_serial[sorted(by_serial)[0]]["deviceIdx"]
    same(list(head.arch("ElDayEnergy", ids=[], devices=[index])), sorted(by_serial)[:1], "devices")


def bad_requests_are_refused(head):
    """Conformance, item 7."""
    path = "/meter/data/arch"
    bad = ["", "{", "[]", "null", "\"x\"", "{\"ids\":{},\"measures\":[\"ElDayEnergy\"]}",
           "{\"ids\":[1],\"measures\":5}", "{\"ids\":[1],\"measures\":[\"ElDayEnergy\"]}}",
           "{\"ids\":[1e999],\"measures\":[\"ElDayEnergy\"]}", "{\"measures\":[\"ElDay\\u0000Energy\"]}",
           "{\"ids\":[99999999999999999999],\"measures\":[\"ElDayEnergy\"]}", "[" * 100000,
           "{\"measures\":" + "[" * 5000 + "]" * 5000 + "}", "{\"measures\":[\"" + "x" * 900000 + "\"]}",
           "{\"measures\":[\"\ud800\"]}".encode("utf-8", "surrogatepass"), b"\xff\xfe\x00"]
    for raw in bad:
        for where, dialect in ((path, 40), ("/meter/data/moment", 40), ("/meter/data", 31),
                               ("/meter/settings/relay", 40), ("/meter/settings/calendar/day", 31)):
            answer = head.smart.ask("POST", where, raw=raw, dialect=dialect)
            assert 400 <= answer.status < 500, (where, raw[:60], answer)
            assert answer.json()["res"] != 0, answer
    for where, dialect in ((path, 31), ("/meter/data/moment", None), ("/meter/data", 40)):
        assert head.smart.ask("POST", where, {"measures": ["ElDayEnergy"]}, dialect).status == 405
    for method in ("GET", "PUT", "DELETE"):
        assert head.smart.ask(method, path).status == 405
    head.ask(path, {"measures": ["SetTime"]}, status=422)
    head.ask("/meter/data/moment", {"measures": ["ElSetTime"]}, status=422)
    assert head.daemon.get("status")["uptime"] >= 0


# ---- from the meters themselves ----

def readings_of_now_are_the_models(head):
    devices = head.moment("ElMomentEnergy", ids=[])
    same(sorted(devices), head.ids, "meters")
    kept = head.arch("ElMomentEnergy")
    for meter in head.polled:
        device = devices[int(meter.id)]
        assert "error" not in device, device
        entry, = device["vals"]
        local = entry["ts"] + TZ
        assert abs(entry["ts"] - time.time()) < 30, entry
        for tag, value in tags_of(entry).items():
            least, most = (meter.energy(tag[:2], int(tag[2]), local + d) for d in (-5, 5))
            assert (value is None and least is None) or least <= thousandths(value) <= most, (meter.id, tag)
        same(kept[int(meter.id)]["vals"][-1], entry, "archive")
    old = head.blocks("/meter/data", ["mEng", "aEng"], 31, tags=["A+0"])
    for number in head.ids:
        same(old["mEng"][number]["vals"], old["aEng"][number]["vals"][-1:], "a reading and the archive")


def meters_tell_clock_number_and_state(head):
    before = int(time.time())
    asked = head.blocks("/meter/data/moment", ["GetTime", "GetSerial", "ElSerial", "ElConfig", "ElMomentQuality"])
    for meter in head.polled:
        number = int(meter.id)
        entry, = asked["GetTime"][number]["vals"]
        assert before <= entry["ts"] <= time.time() and abs(entry["diff"]) <= 2, entry
        for measure in ("GetSerial", "ElSerial", "ElConfig"):
            entry, = asked[measure][number]["vals"]
            same(tags_of(entry)["serial"], meter.serial_text, measure)
        entry, = asked["ElMomentQuality"][number]["vals"]
        assert 180 < tags_of(entry)["UA"] < 280, entry
    entry, = head.blocks("/meter/data", ["mTime"], 31)["mTime"][head.ids[0]]["vals"]
    assert entry["ts"].endswith("+03:00"), entry


def a_meters_own_memory_is_read_and_kept(head):
    head.put_meters([FRESH, DEAD])
    number, meter = head.id(FRESH), head.meters[FRESH]
    midnight = (int(time.time()) + TZ) // DAY * DAY - TZ
    assert not head.arch("ElDayEnergy", ids=[number])[number]["vals"]
    window = [{"start": midnight - 3 * DAY, "end": midnight - DAY}, {"start": midnight, "end": midnight}]
    device = head.moment("ElDayEnergy", ids=[number], time=window)[number]
    assert "error" not in device, device
    told = [e for e in device["vals"] if e["tags"]]
    assert told, device
    for entry in told:
        same_energy(meter, entry, entry["ts"] + TZ, "memory")
    same(head.arch("ElDayEnergy", ids=[number], time=window)[number]["vals"], device["vals"], "archive")
    device = head.moment("ElArr1ConsPower", ids=[number], tags=["P+"],
                         time=[{"start": midnight - DAY + 1, "end": midnight}])[number]
    same(len(device["vals"]), 48, "half hours")
    for entry in device["vals"]:
        same(thousandths(tags_of(entry)["P+"]), meter.power("A+", entry["ts"] + TZ), "P+")
    device = head.moment("ElDayConsEnergy", ids=[number], tags=["A+0"],
                         time=[{"start": midnight - DAY, "end": midnight - DAY}])[number]
    entry, = device["vals"]
    same(thousandths(tags_of(entry)["A+0"]), meter.energy("A+", 0, midnight + TZ) -
         meter.energy("A+", 0, midnight - DAY + TZ), "consumption")
    device = head.moment("ElJrnlPwr", ids=[number])[number]
    assert "error" not in device, device


def a_silent_meter_has_an_error(head):
    dead = head.id(DEAD)
    ids = [head.ids[0], dead]
    body = {"ids": ids, "measures": ["GetTime", "ElMomentEnergy"]}
    begun = time.monotonic()
    for language, text in (("ru", "нет ответа"), ("en", "no answer")):
        document = head.ask("/meter/data/moment", body, Accept_Language=language)
        for block in document["measures"]:
            good, silent = block["devices"]
            assert "error" not in good and good["vals"], good
            same((silent["error"], silent["vals"]), (text, None), language)
    assert time.monotonic() - begun < 4 * (MOMENT_S + 3)
    old = head.ask("/meter/data", {"ids": [dead], "measures": ["mEng"]}, 31)
    same(old["measures"][0]["devices"][0]["vals"], [], "vals of dialect 31")


def only_so_many_wait(head):
    answers = []

    def one():
        smart = smart_vectors.Smart(head.daemon.http)
        smart.ticket = head.smart.ticket
        answers.append(smart.ask("POST", "/meter/data/moment",
                                 {"ids": [head.id(DEAD)], "measures": ["GetTime"]}))

    crowd = [threading.Thread(target=one) for _ in range(45)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    statuses = [a.status for a in answers]
    assert set(statuses) == {200, 503} and statuses.count(200) >= 32, statuses
    assert all(int(a.headers["Retry-After"]) > 0 for a in answers if a.status == 503)
    head.arch("ElDayEnergy")


# ---- orders ----

def order(head, path, body, method="POST", dialect=40):
    return head.smart.ask(method, "/meter/settings/" + path, body, dialect)


def relays_follow(head):
    meter = next(m for m in head.polled if m.kind == "mercury236")
    number = int(meter.id)
    for state, method, dialect in ((0, "POST", 40), (1, "PUT", 31)):
        answer = order(head, "relay", {"id": number, "relayId": 1, "relayState": state}, method, dialect)
        same((answer.status, answer.json()), (200, {"res": 0}), "relay")
        entry, = head.moment("GetRelay", ids=[number])[number]["vals"]
        same(entry["tags"], [{"tag": "relayId", "val": 1}, {"tag": "relayState", "val": state}], "relay")
    rows = [r for r in head.daemon.get("journal/meter/relay?limit=10")["rows"] if r["idMeter"] == number]
    same([r["relayState"] for r in rows[-2:]], [0, 1], "journal")
    audit = [r for r in head.daemon.get("journal/audit?limit=200")["rows"] if r.get("what") == "meter/relay"]
    assert audit and audit[-1]["login"] == "admin" and audit[-1]["key"] == str(number), audit[-1:]


def clocks_are_set(head):
    for method, dialect in (("POST", 40), ("PUT", 31)):
        answer = order(head, "time", {"id": head.ids[0]}, method, dialect)
        assert answer.status in (200, 500), answer     # near a slice's end it is put off
        assert ("error" in answer.json()) == (answer.status == 500), answer
    audit = [r for r in head.daemon.get("journal/audit?limit=200")["rows"] if r.get("what") == "meter/time"]
    assert audit and audit[-1]["login"] == "admin", audit


def orders_are_refused_by_reason(head):
    for path, body in (("time", {}), ("relay", {"relayId": 1, "relayState": 0})):
        for number, status in ((4711, 422), (head.id(DEAD), 500)):
            answer = order(head, path, dict(body, id=number))
            assert answer.status == status and answer.json()["res"] != 0, (path, number, answer)
        assert answer.json()["error"], answer
    with_hands = [("activate", {}), ("time", {"settings": [{"ActivateTime": 1735678800}]}),
                  ("name", {"type": "Passive", "settings": [{"CalendarName": "57494E544552"}]})]
    for path, body in with_hands:
        answer = order(head, "calendar/" + path, dict(body, id=head.ids[0]))
        same(answer.status, 501, path)
    assert order(head, "calendar/name", {"id": head.ids[0]}).status == 400
    assert order(head, "calendar/colour", {"id": head.ids[0]}).status == 405
    assert head.smart.ask("GET", "/meter/settings/time").status == 405


def a_bus_in_transit_is_locked(head):
    words = dict(w.split("=") for w in next(l for l in head.daemon.lines if "ready:" in l).split() if "=" in w)
    with socket.create_connection(("127.0.0.1", int(words["iface1"]))):
        end = time.monotonic() + 10
        while "transit" not in [b["state"] for b in head.daemon.get("status")["buses"]]:
            assert time.monotonic() < end, "no transit"
            time.sleep(0.05)
        number = next(int(m.id) for m in head.polled if m.kind == "mercury230")
        for path in ("time", "relay"):
            answer = order(head, path, {"id": number, "relayId": 1, "relayState": 1})
            assert answer.status == 423 and answer.json()["res"] == 8, answer
        assert "error" in head.moment("GetTime", ids=[number])[number]
        head.arch("ElDayEnergy", ids=[number])


# ---- the rest ----

def vectors_are_answered(head):
    """By form: check_smart_data.c compares those of the archive whole."""
    head.daemon.import_meters(head.street.meters_csv())
    for case in smart_vectors.load(lambda c: c["request"]["path"].startswith("/meter/")):
        if case["request"]["path"].startswith("/meter/settings"):
            case["request"]["body"]["id"] = head.ids[0]
            case["response"]["status_any"] = [200, 500, 501]
        if "body" in case["response"]:
            case["response"]["body"].pop("measures", None)
        smart_vectors.play(head.smart, case, form=True)


def files_say_the_same(head):
    devices = head.arch("ElDayEnergy", tags=["A+0", "R-1"])
    status, body = head.daemon.call("GET", "data.csv?type=ElDayEnergy&tags=A%2B0,R-1&lang=en&meters=" +
                                    ",".join(map(str, head.ids)))
    assert status == 200
    lines = [line.split(";") for line in body.decode("utf-8-sig").split("\r\n")[1:-1]]
    wanted = [[str(number), device["serial"], str(e["ts"]),
               *("" if v is None else json.dumps(v) for v in tags_of(e).values())]
              for number, device in sorted(devices.items()) for e in device["vals"] if e["tags"]]
    same([[a, b, ts, *values] for a, b, _, ts, _, *values in lines], wanted, "data.csv")
    status, body = head.daemon.call("GET", "data.xlsx?type=ElArr1ConsPower")
    assert status == 200 and body[:4] == b"PK\3\4", (status, body[:80])
    status, body = head.daemon.call("GET", "completeness?type=ElDayEnergy&from=%d" % (time.time() - 2 * DAY))
    document = json.loads(body)
    for row in document["meters"]:
        if row["id"] in head.ids and head.daemon.data(row["id"], "ElDayEnergy")["n"] > 2:
            same(row["share"], [100] * len(document["columns"]), "completeness of %d" % row["id"])


CASES = [readings_are_the_models, consumption_is_the_difference, profiles_are_the_models, dialects_say_the_same,
         windows_and_filters, bad_requests_are_refused, readings_of_now_are_the_models,
         meters_tell_clock_number_and_state, relays_follow, clocks_are_set, a_meters_own_memory_is_read_and_kept,
         a_silent_meter_has_an_error, only_so_many_wait, orders_are_refused_by_reason, files_say_the_same,
         vectors_are_answered, a_bus_in_transit_is_locked]


def main():
    report = Report()
    with Directory() as directory:
        head = Head(directory)
        head.start()
        head.daemon.put_settings(http__moment_s=MOMENT_S)
        for case in CASES:
            report.case(case.__name__.replace("_", " "), case, head)
        assert head.daemon.stop() == 0
        head.street.stop()
    report.end()


main()
