#!/usr/bin/env python3
"""The device over SMART-JSON: states and journals by their schemas in both dialects, orders, the
journal of starts, firmware packages, metrics, the description of the interface."""

import json
import os
import re
import subprocess
import time

from smart_schema import Schemas
from smart_vectors import Smart, load, play
from uspd import ROOT, Daemon, Directory, Report

IDENTITY = {"model": "31", "revision": "0003", "serial": "310324000417", "made": "2024-03-11T10:00:00+03:00",
            "battery": "3.7V,1800mAh", "mac": "02:00:00:31:04:17", "main_power": "220/9", "loader": "1.0.0012",
            "flash": {"type": "eMMC", "count": 1}, "rs485": 4, "ethernet": 2, "compatible": "um31",
            "min_version": "0.1.0"}
STATES = ("time", "dout", "system", "din", "uart", "network", "file_system", "modem", "os", "meter_table")
STATES_31 = STATES + ("ain", "schdl", "socket", "dataflash")


class Maker:
    """Signs firmware with the openssl of the command line, not with our code."""

    def __init__(self, directory):
        self.key = os.path.join(directory, "maker.key")
        self.folder = os.path.join(directory, "keys")
        os.mkdir(self.folder)
        self.run("genpkey", "-algorithm", "ed25519", "-out", self.key)
        self.run("pkey", "-in", self.key, "-pubout", "-out", os.path.join(self.folder, "maker.pem"))

    @staticmethod
    def run(*words):
        subprocess.run(["openssl", *words], check=True, capture_output=True)

    def package(self, payload, version="9.0.0", compatible="um31"):
        with open(self.key + ".payload", "wb") as f:
            f.write(payload)
        subprocess.run([os.path.join(ROOT, "scripts", "sign-firmware"), self.key, compatible, version,
                        self.key + ".payload", self.key + ".package"], check=True)
        with open(self.key + ".package", "rb") as f:
            return f.read()


def form(package, boundary="----WebKitFormBoundary7MA4YWxk"):
    head = ('--%s\r\nContent-Disposition: form-data; name="fw_update"; filename="update.bin"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n" % boundary).encode()
    return head + package + b"\r\n--%s--\r\n" % boundary.encode(), "multipart/form-data; boundary=" + boundary


class Device:
    def __init__(self, directory):
        self.maker = Maker(directory)
        self.directory = directory
        identity = os.path.join(directory, "device.json")
        with open(identity, "w", encoding="utf-8") as f:
            json.dump(dict(IDENTITY, keys=self.maker.folder), f)
        self.board = dict(Daemon.board_of(None), identity=identity)
        self.schemas = Schemas()
        self.start()

    def start(self):
        self.daemon = Daemon(self.directory, board=self.board)
        self.daemon.put_settings(http__force_change=0)
        self.smart = Smart(self.daemon.http)
        self.smart.login()

    def checked(self, path, dialect):
        answer = self.smart.ask("GET", path, dialect=dialect)
        assert answer.status == 200, (path, dialect, answer)
        endpoint = self.schemas.find("GET", path, dialect) or self.schemas.find("GET", path, 31)
        if endpoint:
            self.schemas.check(endpoint, "response", answer.json())
        return answer.json()

    # ---- cases ----

    def states(self):
        self.smart.write("POST", "/settings/events/schdl", {"Settings": [{"id": 1, "min": 30}]})
        for name in STATES_31:
            self.checked("/state/" + name, 31)
        for name in STATES:
            self.checked("/state/" + name, 40)
        assert self.smart.ask("GET", "/state/ain", dialect=40).status == 405
        assert self.smart.ask("POST", "/state/time", {}).status == 405
        system = self.checked("/state/system", 40)
        assert system["SystemInfo"]["SN"] == "310324000417" and system["bl"] == "1.0.0012", system
        assert system["SystemInfo"]["IF"] == [{"TYPE": "RS485", "NUM": 4}, {"TYPE": "ETH", "NUM": 2}], system
        due = self.checked("/state/schdl", 31)["State"]
        assert due[0]["id"] == 1 and due[0]["time"][14:16] in ("00", "30"), due

    def journals(self):
        for endpoint in self.schemas.endpoints(("core", "second"), "/jrnl/"):
            self.checked(endpoint["path"], endpoint["dialect"])
        for case in load(lambda c: c["request"]["path"].startswith(("/jrnl/", "/state/"))):
            # What has no rows yet is compared by status; rows of every journal are unit-tested.
            if None in self.smart.get(case["request"]["path"], 31).values():
                del case["response"]["body"]
            play(self.smart, case)
        self.smart.write("POST", "/action/storage/sync")
        logins = self.checked("/jrnl/auth/json", 40)["Jrnl"]
        assert logins[-1]["login"] == "admin" and logins[-1]["lvl"] == 2, logins
        assert self.checked("/jrnl/reset", 31)["Jrnl"][0]["reason"] == 1
        version = self.checked("/jrnl/update/version", 40)["Jrnl"]
        assert version[0]["version"] == self.checked("/state/system", 40)["fw"], version

    def clock(self):
        set_to = {"time": "2031-05-06T07:08:09+03:00"}
        for method in ("PUT", "POST"):
            for dialect in (31, 40):
                self.smart.write(method, "/action/time/set", set_to, dialect)
        state = self.checked("/state/time", 40)
        assert state["time"].startswith("2031-05-06T07:08:") and state["sync"] is True, state
        row = self.checked("/jrnl/time", 31)["Jrnl"][-1]
        assert row["newTime"] == set_to["time"] and row["source"] == 2, row
        for bad in ({"time": "1999-12-31T23:59:59Z"}, {"time": "2100-01-01T00:00:00Z"}, {"time": "soon"}):
            self.smart.write("PUT", "/action/time/set", bad, wanted=422)
        for bad in ({}, {"time": None}, {"time": []}):
            self.smart.write("PUT", "/action/time/set", bad, wanted=400)
        assert self.smart.ask("PUT", "/action/time/set", [1]).status == 400
        self.smart.write("POST", "/action/time/sync", {}, 31, wanted=501)
        self.smart.write("POST", "/action/storage/sync", None, 31)
        # The ticket's life is not measured by the clock that was moved.
        self.checked("/state/time", 40)
        self.smart.write("PUT", "/action/time/set",
                         {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())})

    def upload(self, body, kind, path="/upload/firmware"):
        return self.smart.ask("POST", path, raw=body, **{"Content-Type": kind})

    def firmware(self):
        package = self.maker.package(os.urandom(3 << 20))
        octets = "application/octet-stream"
        for bad, statuses in ((package[:-1], (400,)), (package[:50], (400,)), (b"x" * 1000, (400,)),
                              (package[:200] + b"?" + package[201:], (422,)),
                              (package[:-5] + b"?????", (422,)),
                              (self.maker.package(b"for another", compatible="um40"), (422,)),
                              (self.maker.package(b"too old", version="0.0.9"), (422,))):
            for body, kind in ((bad, octets), form(bad)):
                answer = self.upload(body, kind)
                assert answer.status in statuses, (answer, kind, bad[:60])
        answer = self.upload(*form(package))
        assert answer.status == 200 and answer.json() == {"res": 0}, answer
        folder = os.path.join(self.daemon.data_dir, "firmware")
        with open(os.path.join(folder, "spool", "update.json"), encoding="utf-8") as f:
            manifest = json.load(f)
        assert manifest["version"] == "9.0.0" and manifest["login"] == "admin", manifest
        with open(manifest["file"], "rb") as f:
            assert f.read() == package
        assert self.upload(package, octets).status == 423
        os.remove(os.path.join(folder, "spool", "update.json"))     # as the updater does
        assert self.upload(package, octets).status == 200
        assert sorted(os.listdir(folder)) == ["previous.bin", "spool", "update.bin", "upload.log"]
        log = self.smart.ask("GET", "/upload/firmware")
        assert "handed over" in log.body.decode() and log.headers["Content-Type"].startswith("text/plain"), log
        assert self.smart.ask("GET", "/download/fwupdatelog").status == 200

    def metrics(self):
        assert Smart(self.daemon.http).ask("GET", "/metrics").status == 401
        text = self.smart.ask("GET", "/metrics").body.decode()
        seen = set()
        for line in text.splitlines():
            if line.startswith("#"):
                assert re.fullmatch(r"# (HELP|TYPE) uspd_[a-z_]+ .+", line), line
            else:
                assert re.fullmatch(r'uspd_[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? [0-9.]+', line), line
                assert line not in seen, line
                seen.add(line)
        self.daemon.put_settings(http__metrics_open=1)
        assert Smart(self.daemon.http).ask("GET", "/metrics").status == 200

    def description(self):
        document = self.daemon.get("openapi.json")
        assert document["openapi"] == "3.1.0" and len(document["paths"]) > 80
        assert document["paths"]["/settings/ip"]["put"]["x-dialects"] == [31, 40]
        rows = self.daemon.get("log?limit=50")["rows"]
        assert any(r["module"] == "main" and "ready" in r["text"] for r in rows), rows

    def restart(self):
        assert self.smart.ask("POST", "/action/restart", raw=b"[]", dialect=31).json() == {"res": 0}
        assert self.daemon.child.wait(timeout=20) == 0
        self.daemon.drain()
        self.start()
        self.smart.write("POST", "/action/storage/sync")
        reasons = [row["reason"] for row in self.checked("/jrnl/reset", 40)["Jrnl"]]
        assert reasons == [1, 2], reasons


def main():
    report = Report()
    with Directory() as directory:
        device = Device(directory)
        for case in (device.states, device.journals, device.clock, device.firmware, device.metrics,
                     device.description, device.restart):
            report.case(case.__name__, case)
        report.case("ends cleanly", lambda: device.daemon.stop())
    report.end()


main()
