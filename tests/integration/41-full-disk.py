#!/usr/bin/env python3
"""The disk is full, or refuses to write: the daemon stays up, says so, and when there is room again it
goes on by itself with nothing missing."""

import json
import os
import resource
import subprocess
import sys
import threading
import time

import rtu327_client
import street_check
from uspd import BIN, Daemon, Directory, Report, Street

STREET = {
    "tz_min": 180, "history_days": 25,
    "buses": [
        {"name": "Iface1", "pty": True, "meters": [
            {"type": "mercury230", "count": 5, "first_address": 1, "first_serial": "62000001"}]},
        {"name": "Iface2", "pty": True, "meters": [
            {"type": "mercury236", "count": 5, "first_address": 1, "first_serial": "62000101"},
            {"type": "ce303", "serial": "009114262000001"}]},
    ],
}
DISK_KIB, LEFT_KIB = 16384, 300
# A file that would grow beyond the limit is an error then, not the end of the process.
IGNORE_LIMIT = """
import os, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
os.execv(sys.argv[1], sys.argv[1:])
"""


class SmallDisk:
    """A file system of its own; only root may mount one."""

    name, journalled = "no space left", "disk_full"
    wrapper = ()

    def __init__(self, directory):
        self.path = os.path.join(directory, "small")
        os.mkdir(self.path)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%dk" % DISK_KIB, "tmpfs", self.path],
                              capture_output=True, check=False)
        self.mounted = done.returncode == 0

    def fill(self, _):
        with open(os.path.join(self.path, "filler"), "wb", buffering=0) as f:
            space = os.statvfs(self.path)
            f.write(bytes(max(0, space.f_bavail * space.f_frsize - LEFT_KIB * 1024)))

    def free(self, _):
        os.unlink(os.path.join(self.path, "filler"))

    def close(self):
        if self.mounted:
            subprocess.run(["umount", "-l", self.path], check=False)


class Limit:
    """Where nothing can be mounted: a limit on the size of files, lowered and raised from outside."""

    name, journalled = "input or output error", "write_trouble"
    wrapper = (sys.executable, "-c", IGNORE_LIMIT)
    mounted = True

    def __init__(self, directory):
        self.path = os.path.join(directory, "limited")
        os.mkdir(self.path)

    def set(self, daemon, soft):
        resource.prlimit(daemon.child.pid, resource.RLIMIT_FSIZE, (soft, resource.RLIM_INFINITY))

    def fill(self, daemon):
        self.set(daemon, 4096)

    def free(self, daemon):
        self.set(daemon, resource.RLIM_INFINITY)

    def close(self):
        pass


class Case:
    def __init__(self, directory, disk):
        self.disk = disk
        self.directory = directory
        self.street = Street(directory, STREET, "--unpaced")
        self.meters = street_check.street_meters(STREET, self.street.ready, self.street.meters())
        self.data = os.path.join(disk.path, "data")
        self.daemon = self.start()

    def start(self, wait=True):
        return Daemon(self.directory, self.street.links, data=self.data, wrapper=self.disk.wrapper, wait=wait)

    def store(self):
        return self.daemon.get("status")["store"]

    def wait_trouble(self, wanted):
        end = time.monotonic() + 30
        while (trouble := self.store()["trouble"]) != wanted:
            assert time.monotonic() < end, "trouble is %r" % trouble
            time.sleep(0.1)

    def becomes_full(self):
        self.daemon.put_settings(poll__backfill_days=20, poll__journal_min=0)
        self.disk.fill(self.daemon)
        status, body = self.daemon.call("POST", "meters.csv", self.street.meters_csv().encode(), "text/csv")
        if status >= 400:		# config.db was not spared: a person is told, and nothing changed
            assert self.disk.name in json.loads(body)["error"], body
            assert self.daemon.get("status")["totals"]["meters"] == 0
            self.disk.free(self.daemon)
            self.daemon.import_meters(self.street.meters_csv())
            self.disk.fill(self.daemon)
        self.wait_trouble(self.disk.name)
        self.daemon.wait_line("writing fails: " + self.disk.name)

    def stays_up(self):
        """Long enough for the queue to fill up and for records to be refused."""
        end = time.monotonic() + 10
        while time.monotonic() < end and self.store()["refused_full"] == 0:
            with rtu327_client.Client(("127.0.0.1", self.daemon.rtu327)) as c:
                assert c.version() == "020102" and abs(c.time() - time.time()) < 2
            time.sleep(0.2)
        assert self.daemon.child.poll() is None
        assert self.store()["trouble"] == self.disk.name
        shown = subprocess.run([os.path.join(BIN, "uspdctl"), "--url", "http://127.0.0.1:%d" % self.daemon.http,
                                "--token", self.daemon.token, "status"], capture_output=True, text=True, check=True, timeout=20).stdout
        assert "TROUBLE: " + self.disk.name in shown, shown

    def refuses_settings(self):
        status, body = self.daemon.call("PUT", "settings", b'{"clock.limit_ms": "3000"}')
        now = {s["key"]: s["value"] for s in self.daemon.get("settings")["settings"]}["clock.limit_ms"]
        if status == 200:
            assert now == "3000"
        else:
            assert 500 <= status < 600 and self.disk.name in json.loads(body)["error"], (status, body)
            assert now == "2000"

    def restarts_full(self):
        """Stopped in this state it ends; started in it, it runs or says why it cannot."""
        assert self.daemon.stop(seconds=15) == 0
        self.daemon = self.start(wait=False)
        try:
            words = dict(w.split("=") for w in self.daemon.wait_line("ready:").split() if "=" in w)
            self.daemon.http, self.daemon.rtu327 = int(words["http"]), int(words["rtu327"])
        except AssertionError:
            assert self.daemon.child.wait(5) == 1
            self.daemon.wait_line("no space left on this disk: free some and start again")
            self.disk.free(self.daemon)
            self.daemon = self.start()
            self.disk.fill(self.daemon)
        self.wait_trouble(self.disk.name)

    def recovers(self):
        self.disk.free(self.daemon)
        self.daemon.wait_line("writing works again")
        assert self.store()["trouble"] == ""
        self.daemon.wait_complete(120)
        print(street_check.check_street(self.daemon, STREET, self.meters), "records")
        rows = [r for r in self.daemon.get("journal/system")["rows"] if r.get("code") == self.disk.journalled]
        assert rows and all(self.disk.name in r["text"] for r in rows), rows

    def ends(self):
        assert self.daemon.stop() == 0
        self.street.stop()


def try_disk(kind, report):
    with Directory() as directory:
        disk = kind(directory)
        if not disk.mounted:
            print("      no file system can be mounted here: only the limit on files is tried", flush=True)
            return
        try:
            case = Case(directory, disk)
            for name, step in (("it becomes full", case.becomes_full), ("the daemon stays up", case.stays_up),
                               ("settings are refused or kept", case.refuses_settings),
                               ("stop and start", case.restarts_full),
                               ("room again", case.recovers), ("the end", case.ends)):
                if kind is Limit and step == case.restarts_full:
                    continue	# a new process has a new limit
                report.case("%s: %s" % (disk.name, name), step)
        finally:
            disk.close()


def main():
    report = Report()
    parts = [(kind, Report()) for kind in (SmallDisk, Limit)]
    threads = [threading.Thread(target=try_disk, args=part) for part in parts]
    for thread in threads:
        thread.start()
    for thread, (_, part) in zip(threads, parts):
        thread.join()
        report.passed += part.passed
        report.failed += part.failed
    if report.passed == 0:
        report.failed += 1
    report.end()


main()
