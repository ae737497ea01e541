#!/usr/bin/env python3
"""A day of clients, as fast as they go: memory does not grow, every answer is right, polling goes on.

The day (DAYS of them): a page that looks every 5 s, a head-end of SMART-JSON every half hour for
every meter, another of RTU-327, momentary readings, an engineer who edits tables and is refused,
Prometheus every 15 s, transit sessions, listeners to events that come and go.  Load is compressed,
the clock is not: each client does its day's number of requests without pauses.
"""

import http.client
import os
import socket
import threading
import time

import rtu327_client as rtu
from smart_vectors import Smart
from uspd import Daemon, Directory, Report, Street, resident_kib

DAYS = float(os.environ.get("DAYS", "1"))
GROWTH_KIB = 2048
METERS = 15
STREET = {
    "tz_min": 180,
    "history_days": 5,
    "buses": [{"name": "Iface%d" % i, "pty": True, "meters": [
        {"type": "mercury236", "count": METERS, "first_address": 1, "first_serial": "7%d000001" % i}]}
        for i in range(1, 5)],
}
EVERYTHING = ["ElDayEnergy", "ElMonthEnergy", "ElArr1ConsPower", "ElJrnlPwr", "ElConfig"]


class Client(threading.Thread):
    """Does `day` requests a day; counts them; the first wrong answer ends it."""

    def __init__(self, name, day, daemon):
        super().__init__(name=name, daemon=True)
        self.day, self.daemon_under_test = day, daemon
        self.done, self.error = 0, None
        self.share = 0.0        # of the days that may be done by now
        self.gate = threading.Condition()

    def run(self):
        try:
            self.begin(self.daemon_under_test)
            while self.done < self.day * DAYS:
                with self.gate:
                    while self.done >= self.day * self.share:
                        self.gate.wait()
                self.one(self.done)
                self.done += 1
        except Exception as error:  # pylint: disable=broad-except
            self.error = error

    def allow(self, share):
        with self.gate:
            self.share = share
            self.gate.notify()

    def idle(self):
        return self.error is not None or not self.is_alive() or self.done >= self.day * self.share

    def begin(self, daemon):
        self.smart = Smart(daemon.http)
        self.smart.login()


class Page(Client):
    PATHS = ["status", "meters?limit=50", "journal/system?limit=20", "status",
             "meters?q=7&sort=-last&limit=20", "completeness?type=ElDayEnergy"]

    def begin(self, daemon):
        self.connection = http.client.HTTPConnection("127.0.0.1", daemon.http, timeout=60)
        self.token = daemon.token

    def one(self, i):
        self.connection.request("GET", "/api/v1/" + self.PATHS[i % len(self.PATHS)],
                                headers={"Authorization": "Bearer " + self.token,
                                         "Accept-Encoding": "gzip" if i % 2 else "identity"})
        answer = self.connection.getresponse()
        body = answer.read()
        assert answer.status == 200, (answer.status, body[:200])


class Metrics(Page):
    def one(self, i):
        self.connection.request("GET", "/metrics", headers={"Authorization": "Bearer " + self.token})
        answer = self.connection.getresponse()
        assert answer.status == 200 and b"uspd_" in answer.read()


class HeadEnd(Client):
    """Every meter every half hour; now and then all of them at once."""

    def one(self, i):
        ids = [] if i % 100 == 0 else [1 + i % (4 * METERS)]
        now = int(time.time())
        answer = self.smart.ask("POST", "/meter/data/arch", {
            "ids": ids, "measures": EVERYTHING[i % 5:i % 5 + 2] or ["ElDayEnergy"],
            "time": [{"start": now - 2 * 86400, "end": now}]}, 40 if i % 3 else 40)
        assert answer.status == 200 and answer.json()["measures"], answer


class Moment(Client):
    """Not on the fourth bus: it is lent to transit now and then."""

    def one(self, i):
        answer = self.smart.ask("POST", "/meter/data/moment", {
            "ids": [1 + i % (3 * METERS)], "measures": ["ElMomentEnergy" if i % 2 else "GetTime"]}, 40)
        assert answer.status == 200 and "error" not in answer.json()["measures"][0]["devices"][0], answer


class Engineer(Client):
    """Writes, reads back, is refused, logs in and off."""

    def one(self, i):
        rows = [{"id": 900 + i % 7, "min": i % 60, "hour": i % 24}]
        assert self.smart.ask("PUT", "/settings/events/schdl", {"Settings": rows}, 40).status == 200
        answer = self.smart.ask("PUT", "/settings/events/schdl", {"Settings": [{"id": 1, "min": 99}]}, 40)
        assert answer.status in (400, 422), answer
        found = self.smart.ask("GET", "/settings/events/schdl", None, 40).json()["Settings"]
        assert any(row["id"] == rows[0]["id"] for row in found)
        if i % 10 == 0:
            other = Smart(self.smart.port)
            other.login()
            assert other.ask("POST", "/logoff", None, 40).status == 200
        for path in ("/jrnl/auth/json", "/settings/meter/table", "/state/uart", "/jrnl/srvconn"):
            assert self.smart.ask("GET", path, None, 31 if i % 2 else 40).status == 200, path


class RtuHeadEnd(Client):
    def begin(self, daemon):
        self.port = daemon.rtu327
        self.serials = [row["serial"] for row in daemon.get("meters?limit=0")["rows"]]
        # Serial numbers read a moment ago are known to this server a second later.
        end = time.monotonic() + 20
        with rtu.Client(("127.0.0.1", self.port)) as client:
            for serial in self.serials:
                while self.unknown(client, serial) and time.monotonic() < end:
                    time.sleep(0.2)

    @staticmethod
    def unknown(client, serial):
        try:
            client.shprm(serial)
        except rtu.Refused as refused:
            return refused.code == rtu.NO_METER
        return False

    def one(self, i):
        with rtu.Client(("127.0.0.1", self.port)) as client:
            client.version()
            start = int(time.time()) - 86400
            serial = self.serials[i % len(self.serials)]
            assert client.lp(serial, start, 20)["intervals"]


class Transit(Client):
    def begin(self, daemon):
        self.ports = [daemon.iface[4]]

    def one(self, i):
        with socket.create_connection(("127.0.0.1", self.ports[0]), timeout=30) as s:
            s.sendall(bytes(range(16)))
            s.shutdown(socket.SHUT_WR)
            s.settimeout(30)
            while s.recv(4096):
                pass


class Listener(Page):
    def one(self, i):
        with socket.create_connection(("127.0.0.1", self.connection.port), timeout=30) as s:
            s.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " +
                      self.token.encode() + b"\r\n\r\n")
            got = b""
            while b"event: " not in got:
                chunk = s.recv(65536)
                assert chunk, got
                got += chunk


MIX = [(Page, "page", 17280), (Metrics, "metrics", 5760), (HeadEnd, "head-end", 48 * 4 * METERS),
       (Moment, "moment", 1000), (Engineer, "engineer", 300), (RtuHeadEnd, "rtu-327", 48 * 4 * METERS),
       (Transit, "transit", 24), (Listener, "events", 200)]
STEPS = 10


def run_day(daemon):
    clients = [kind(name, day, daemon) for kind, name, day in MIX]
    for client in clients:
        client.start()
    sizes = []
    for step in range(1, STEPS + 1):
        for client in clients:
            client.allow(DAYS * step / STEPS)
        while not all(client.idle() for client in clients):
            time.sleep(0.2)
            daemon.drain()
        for client in clients:
            assert client.error is None, "%s, request %d: %r" % (client.name, client.done, client.error)
        sizes.append(resident_kib(daemon.child.pid))
        print("%3d %%: resident %d KiB" % (100 * step // STEPS, sizes[-1]), flush=True)
    print("requests: " + ", ".join("%s %d" % (c.name, c.done) for c in clients))
    assert max(sizes[2:]) - min(sizes[2:]) < GROWTH_KIB and sizes[-1] - sizes[2] < GROWTH_KIB, sizes


def main():
    report = Report()
    with Directory() as directory:
        street = Street(directory, STREET, "--unpaced")
        daemon = Daemon(directory, street.links)
        # The factory password would be refused for writing.
        daemon.put_settings(poll__backfill_days=5, http__force_change=0)
        daemon.import_meters(street.meters_csv())
        report.case("the archive fills", daemon.wait_complete, 120)
        began = time.monotonic()
        report.case("a day of clients", run_day, daemon)
        print("%.0f s for %.2f days" % (time.monotonic() - began, DAYS))
        report.case("polling went on", daemon.wait_complete, 60)
        report.case("the daemon ends cleanly", lambda: (daemon.stop() == 0) or 1 / 0)
        street.stop()
    report.end()


main()
