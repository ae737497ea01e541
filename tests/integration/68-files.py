#!/usr/bin/env python3
"""Ten thousand meters as files: CSV, XLSX, backup and restore; what it takes; and a power cut after."""

import io
import json
import os
import signal
import time
import zipfile

from uspd import Daemon, Directory, Report

METERS = int(os.environ.get("FILES_METERS", "10000"))
HEADER = "id;type;addr;iface;cfg;pass_rd;group;note"


def table(note):
    rows = [HEADER]
    for i in range(1, METERS + 1):
        rows.append("%d;%s;%d;Iface%d;9600,8n1;010101010101;дом %d;%s %d" % (
            i, "Mercury23x" if i % 2 else "SE303", i, i % 4 + 1, i % 50, note, i))
    return "\r\n".join(rows).encode()


def foreign_workbook(rows):
    """As other programs write it: shared strings, packed parts."""
    strings, index = [], {}

    def cell(value):
        if isinstance(value, int):
            return "<c><v>%d</v></c>" % value
        if value not in index:
            index[value] = len(strings)
            strings.append("<si><t>%s</t></si>" % value)
        return '<c t="s"><v>%d</v></c>' % index[value]

    sheet = "".join('<row r="%d">%s</row>' % (n, "".join(map(cell, row))) for n, row in enumerate(rows, 1))
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
    relation = '<Relationship Id="%s" Type="' + kind + '%s" Target="%s"/>'
    parts = {
        "_rels/.rels": "<Relationships>%s</Relationships>" % (
            relation % ("r1", "officeDocument", "xl/workbook.xml")),
        "xl/workbook.xml": '<workbook xmlns:r="r"><sheets><sheet name="a" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": "<Relationships>%s%s</Relationships>" % (
            relation % ("r1", "worksheet", "worksheets/sheet1.xml"),
            relation % ("r2", "sharedStrings", "sharedStrings.xml")),
        "xl/worksheets/sheet1.xml": "<worksheet><sheetData>%s</sheetData></worksheet>" % sheet,
        "xl/sharedStrings.xml": "<sst>%s</sst>" % "".join(strings),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name, text in parts.items():
            z.writestr(name, text)
    return out.getvalue()


class Files:
    def __init__(self, directory):
        self.directory = directory
        self.daemon = Daemon(directory)
        self.xlsx = self.backup = b""

    def memory(self, name="VmHWM"):
        with open("/proc/%d/status" % self.daemon.child.pid, encoding="ascii") as f:
            return next(int(line.split()[1]) for line in f if line.startswith(name + ":")) // 1024

    def reset_peak(self):
        with open("/proc/%d/clear_refs" % self.daemon.child.pid, "w", encoding="ascii") as f:
            f.write("5")

    def ask(self, method, path, body=None, wanted=200):
        try:
            self.reset_peak()
        except OSError:
            pass
        start, rest = time.monotonic(), self.memory("VmRSS")
        status, answer = self.daemon.call(method, path, body)
        took = time.monotonic() - start
        assert status == wanted, (path, status, answer[:400])
        print("      %-28s %6.0f ms %8d bytes, memory %d MiB, peak %d MiB" % (
            method + " " + path, took * 1000, len(answer), rest, self.memory()), flush=True)
        return answer

    def changes(self, path, body):
        answer = json.loads(self.ask("POST", path, body))
        return tuple(answer[k] for k in ("added", "changed", "removed", "unchanged"))

    # ---- cases ----

    def by_csv(self):
        got = self.changes("meters.csv", table("кв."))
        assert got == (METERS, 0, 0, 0), got

    def by_xlsx(self):
        self.xlsx = self.ask("GET", "meters.xlsx?passwords=1")
        assert zipfile.ZipFile(io.BytesIO(self.xlsx)).testzip() is None
        got = self.changes("meters.xlsx?dry=1&mode=replace", self.xlsx)
        assert got == (0, 0, 0, METERS), got
        got = self.changes("meters.csv", table("новая"))
        assert got == (0, METERS, 0, 0), got
        got = self.changes("meters.xlsx?mode=replace", self.xlsx)
        assert got == (0, METERS, 0, 0), got

    def by_foreign_xlsx(self):
        rows = [line.split(";") for line in table("другая").decode().split("\r\n")]
        rows = [rows[0]] + [[int(r[0]), *r[1:]] for r in rows[1:]]
        got = self.changes("meters.xlsx?dry=1", foreign_workbook(rows))
        assert got == (0, METERS, 0, 0), got
        rows[3][2] = "1,41E+08"
        answer = json.loads(self.ask("POST", "meters.xlsx", foreign_workbook(rows), 422))
        assert answer["where"] == "row 4, column addr", answer

    def the_whole(self):
        self.backup = self.ask("GET", "backup")
        got = json.loads(self.ask("POST", "restore?dry=1", self.backup))
        assert got["edits"] == 0 and not got["applied"], got
        sealed = json.loads(self.ask("POST", "backup", b'{"passphrase":"open sesame"}'))
        body = json.dumps({"backup": sealed, "passphrase": "open sesame"}).encode()
        got = json.loads(self.ask("POST", "restore?dry=1", body))
        assert got["edits"] == 0, got

    def after_a_kill(self):
        """What was answered as restored is there after a kill; so is the copy of what was before."""
        self.daemon.put_settings(depth__day=321)
        self.daemon.call("DELETE", "meters/1")
        got = json.loads(self.ask("POST", "restore", self.backup))
        assert got["applied"] and got["meters"]["added"] == 1, got
        self.daemon.stop(signal.SIGKILL)
        self.daemon = Daemon(self.directory)
        assert self.daemon.get("meters?limit=1")["total"] == METERS
        settings = {s["key"]: s["value"] for s in self.daemon.get("settings")["settings"]}
        assert str(settings["depth.day"]) == "190", settings["depth.day"]
        copies = sorted(n for n in os.listdir(self.daemon.data_dir) if n.startswith("backup-"))
        assert 1 <= len(copies) <= 5, copies
        with open(os.path.join(self.daemon.data_dir, copies[-1]), "rb") as f:
            before = f.read()
        got = json.loads(self.ask("POST", "restore", before))
        assert got["meters"]["removed"] == 1 and "depth.day" in got["settings"], got


def main():
    report = Report()
    with Directory() as directory:
        files = Files(directory)
        try:
            report.case("ten thousand meters come from a CSV file", files.by_csv)
            report.case("they go to a workbook and come back the same", files.by_xlsx)
            report.case("workbooks of other programs are read", files.by_foreign_xlsx)
            report.case("a backup of all this changes nothing when restored", files.the_whole)
            report.case("a restore survives a kill and can be taken back", files.after_a_kill)
        finally:
            files.daemon.stop()
    report.end()


if __name__ == "__main__":
    main()
