#!/usr/bin/env python3
"""uspdctl: every command against a real daemon with simulated meters; and that help, man page and
completion tell the same."""

import json
import os
import pty
import re
import signal
import subprocess
import time
import urllib.request

from uspd import BIN, ROOT, Daemon, Directory, Report, Street

STREET = {
    "tz_min": 180, "history_days": 3,
    "buses": [
        {"name": "Iface1", "pty": True, "meters": [
            {"type": "mercury230", "count": 2, "first_address": 1, "first_serial": "69000001"},
            {"type": "mercury236", "address": 10, "serial": "69000010"}]},
        {"name": "Iface2", "pty": True, "meters": [
            {"type": "mercury230", "count": 3, "first_address": 21, "first_serial": "69000021"}]},
        {"name": "gate", "tcp": "127.0.0.1:0", "meters": [
            {"type": "mercury236", "address": 72, "serial": "69000072"}]},
    ],
}
SECRET, PHRASE = "long enough 1", "eight letters at least"
PCAPNG = b"\x0a\x0d\x0d\x0a"
COMPLETION = "rootfs-overlay/usr/share/bash-completion/completions/uspdctl"


def same(got, wanted, what=""):
    assert got == wanted, "%s: %r, wanted %r" % (what, got, wanted)


def wait_until(what, ready, seconds=10):
    end = time.monotonic() + seconds
    while not (found := ready()):
        assert time.monotonic() < end, "%s: not within %d s" % (what, seconds)
        time.sleep(0.05)
    return found


def run(*words, code=0, stdin="", env=None):
    done = subprocess.run([os.path.join(BIN, "uspdctl"), *words], capture_output=True, text=True, timeout=30,
                          input=stdin, env=env, check=False)
    assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
    return done.stdout if code == 0 else done.stderr


# ---- the table: help, man page, completion ----

def commands():
    """{name: [options]} as the help has them, which is made of the table."""
    found = {}
    for line in run("--help").split("\n\n")[1].splitlines():
        name = line[2:19].strip()
        # What is behind it is to be completed, whatever it looks like.
        text = run(*name.split(), "--help") if name != "completion words" else ""
        found[name] = re.findall(r"^  (--[a-z-]+)", text, re.M)
    return found


def source_list(path, macro):
    """First members of the rows of a list in the sources."""
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        body = re.search(r"#define %s\(ROW\)((?:.*\\\n)*.*\n)" % macro, f.read()).group(1)
    return re.findall(r'ROW\((?:\w+, )?"([^"]*)"', body)


def every_command_has_help():
    for name, options in commands().items():
        if name == "completion words":
            continue
        text = run(*name.split(), "--help")
        assert text.startswith("usage: uspdctl %s" % name), text
        assert all("[%s" % option in text for option in options), text
        assert "no option --nonsense" in run(*name.split(), "--nonsense", code=2), name
    assert "no command" in run("nonsense", code=2)
    assert "user add" in run("user", code=2) and "user add" in run("user", "--help")
    assert "no option --nonsense" in run("--nonsense", "status", code=2)
    assert "needs a value" in run("journal", "--limit", code=2)
    assert "takes no value" in run("status", "--watch=1", code=2)
    assert "missing" in run("relay", "1", code=2) and "too much" in run("ping", "1", "2", code=2)
    run(code=2)
    assert run("--version").startswith("uspdctl ")


def manual_tells_every_option():
    with open(os.path.join(ROOT, "docs/uspdctl.1"), encoding="utf-8") as f:
        text = f.read().replace("\\\n", "")
    items = {}
    for block in re.split(r"^\.It Cm ", text, flags=re.M)[1:]:
        block = re.split(r"^\.(?:El|Ss|Sh)", block, flags=re.M)[0]
        head = block.splitlines()[0]
        name = re.match(r"[a-z0-9 ]+", head.split(" Ar ")[0].split(" Oo ")[0].split(" Op ")[0]).group(0).strip()
        same(name in items, False, name + " twice")
        items[name] = block
    table = commands()
    same(sorted(items), sorted(table), "commands of the manual")
    for name, options in table.items():
        head, _, rest = items[name].partition("\n")
        same(sorted(set(re.findall(r"Fl -([a-z-]+)", head))), sorted(o[2:] for o in options), name)
        for option in options:
            assert re.search(r"Fl (?:.*, )?-%s\b" % option[2:], rest), (name, option, "not explained")
    for option in re.findall(r"^  --([a-z-]+)", run("--help"), re.M):
        assert "Fl -" + option in text, option
    done = subprocess.run(["groff", "-mandoc", "-Tutf8", "-ww", os.path.join(ROOT, "docs/uspdctl.1")],
                          capture_output=True, text=True, check=False) if os.path.exists("/usr/bin/groff") else None
    assert done is None or (done.returncode, done.stderr) == (0, ""), done.stderr


def completion_knows_every_word():
    def words(*line):
        return run("completion", "words", *line).split("\n")[:-1]

    table = commands()
    same(sorted(set(words(""))), sorted({name.split()[0] for name in table}))
    for name, options in table.items():
        parts = name.split()
        assert parts[-1] in words(*parts[:-1], parts[-1][:1]), name
        same(set(words(*parts, "--")), set(options) | {"--json", "--help"}, name)
    same(set(source_list("src/store/store.h", "DEVICE_JOURNALS")), set(words("journal", "")), "journals")
    assert "Mercury23x" in words("meter", "list", "--type", "M") and "on" in words("relay", "1", "1", "")
    assert words("--json", "--url", "x", "rel") == ["relay"] and "Iface3" in words("trace", "")
    assert "poll.enabled" in words("settings", "put", "poll") and words("settings", "g") == ["get"]
    with open(os.path.join(ROOT, COMPLETION), encoding="utf-8") as f:
        same(f.read(), run("completion", "bash"), COMPLETION)
    done = subprocess.run(["bash", "-c", "PATH=%s:$PATH; . %s; COMP_WORDS=(uspdctl meter im); COMP_CWORD=2; "
                           "_uspdctl uspdctl; echo ${COMPREPLY[*]}" % (BIN, COMPLETION)], cwd=ROOT,
                          capture_output=True, text=True, check=True)
    same(done.stdout, "import\n", done.stderr)


# ---- against the daemon ----

class Tool:
    def __init__(self, directory):
        self.directory = directory
        self.street = Street(directory, STREET, "--unpaced")
        self.daemon = Daemon(directory, self.street.links)
        self.rows = self.street.meters()
        self.ids = {row["serial"]: row["id"] for row in self.rows}
        os.environ["USPD_URL"] = "http://127.0.0.1:%d" % self.daemon.http

    @staticmethod
    def json(*words, stdin=""):
        return json.loads(run(*words, "--json", stdin=stdin))

    def path(self, name, text=None):
        path = os.path.join(self.directory, name)
        if text is not None:
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
        return path

    def meters(self):
        table = self.path("meters.csv", self.street.meters_csv())
        assert run("meter", "import", table, "--dry-run").startswith("would be: %d added" % len(self.rows))
        assert run("meter", "import", table).startswith("done: %d added" % len(self.rows))
        assert "would be: 1 added" in run("meter", "add", "type=Mercury23x", "addr=99", "iface=Iface2", "--dry-run")
        run("meter", "add", "id=90", "type=Mercury23x", "addr=200", "iface=Iface1", "note=nobody")
        same([r["id"] for r in self.json("meter", "list", "nobody")["rows"]], [90])
        assert "NAME=VALUE" in run("meter", "add", "type", code=2)
        book = self.path("meters.xlsx")
        run("meter", "export", book, "--passwords")
        with open(book, "rb") as f:
            same(f.read(2), b"PK", "workbook")
        same(os.stat(book).st_mode & 0o777, 0o600, "a file with passwords")
        assert run("meter", "import", book).endswith("0 changed, 0 removed, %d as they were\n" % (len(self.rows) + 1))
        assert "unknown type" in run("meter", "add", "type=Mercury99", "addr=1", "iface=Iface1", code=1)
        assert "not the id" in run("meter", "remove", "x", code=2)
        assert "no meter 77" in run("meter", "remove", "77", code=1)
        run("settings", "put", "poll.backfill_days=2", "poll.journal_min=0")

    def polling(self):
        out = run("poll", "--watch", "--until-complete", "--timeout", "25")
        assert "100.0 %" in out, out[-500:]
        assert "meters" in run("status") and self.json("status")["polling"] is True
        assert self.json("poll", self.ids["69000001"], "--types", "ElMomentEnergy")["run"] > 0
        assert "by their ids" in run("poll", "69x", code=2)
        day = run("read", "69000001", "day")
        assert day.startswith("time") and len(day.splitlines()) > 2, day
        assert run("read", self.ids["69000001"], "profile", "--last", "3", "--csv").count("\n") == 4
        assert "no meter has" in run("read", "999", "day", code=1)
        same(run("sql", self.daemon.data_dir, "SELECT 1 AS one"), "one\n1\n")
        shown = run("rtu327", "127.0.0.1:%d" % self.daemon.rtu327, "time")
        assert re.search(r"\d{4}-\d\d-\d\d", shown), shown

    def orders(self):
        assert re.match(r"meter %s: answers in \d+ ms   serial 69000001" % self.ids["69000001"],
                        run("ping", "69000001")), run("ping", "69000001")
        told = self.json("ping", self.ids["69000072"])
        same((told["answer"], told["serial"]), (True, "69000072"), "on Ethernet")
        same(run("ping", "69000001", "--count", "2").count("answers"), 2)
        done = subprocess.run([os.path.join(BIN, "uspdctl"), "ping", "90"], capture_output=True, text=True,
                              timeout=30, check=False)
        same((done.returncode, "no answer" in done.stdout), (1, True), done.stdout + done.stderr)
        assert "right to the second" in run("clock", "69000001") or "s ahead" in run("clock", "69000001")
        assert abs(self.json("clock", "69000010", "--sync")["diff"]) <= 2
        assert "relay 1 is off now" in run("relay", "69000010", "1", "off")
        assert "relay 1 is off" in run("relay", "69000010", "1", "?")
        same(self.json("relay", "69000010", "1", "on")["on"], True)
        assert "on, off or ?" in run("relay", "69000010", "1", "up", code=2)
        assert "no meter has" in run("clock", "999", code=1)
        assert "meter 90" in run("clock", "90", code=1)

    def trace(self):
        file = self.path("bus.pcapng")
        tracers = [subprocess.Popen([os.path.join(BIN, "uspdctl"), "trace", *words], stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, text=True)
                   for words in (["1", "--seconds", "20"], ["Iface2", "--seconds", "2", "--out", file])]
        wait_until("traces", lambda: all(self.daemon.call("GET", "bus/%d/trace" % n)[0] == 200 for n in (1, 2)))
        run("ping", "69000001")
        run("ping", "69000021")
        wait_until("lines", lambda: self.daemon.get("bus/1/trace")["lines"])
        time.sleep(0.5)		# it looks every 200 ms, and shows what has not grown since
        tracers[0].send_signal(signal.SIGINT)
        out, err = tracers[0].communicate(timeout=10)
        same((tracers[0].returncode, err), (0, ""))
        assert re.search(r"^\d\d:\d\d:\d\d\.\d{3} +\d+\.\d  tx  01( [0-9a-f]{2}){3,}$", out, re.M), out
        assert re.search(r"^\d\d:\d\d:\d\d\.\d{3} +\d+\.\d  rx  01( [0-9a-f]{2}){3,}$", out, re.M), out
        out, err = tracers[1].communicate(timeout=10)
        same((tracers[1].returncode, err), (0, ""))
        with open(file, "rb") as f:
            data = f.read()
        assert data.startswith(PCAPNG) and re.search(r"bus.pcapng: \d+ lines, %d bytes" % len(data), out), out
        same(self.daemon.call("GET", "bus/1/trace")[0], 404, "forgotten at the end")
        assert "1 to 4" in run("trace", "5", code=2) and "no bus 4" in run("trace", "4", code=1)

    def scan(self):
        run("settings", "put", "poll.enabled=0")
        out = run("scan", "2", "Mercury23x", "20-25", "--settings", "9600,19200,8n1")
        assert re.search(r"21 +9600,8n1 +69000021", out) and re.search(r"23 +9600,8n1 +69000023", out), out
        assert "done: 12 of 12 tried" in out, out
        same(len(self.json("scan", "Iface2", "Mercury23x", "22", "--settings", "9600,8n1")["found"]), 1)
        assert "/type" in run("scan", "2", "Mercury99", "1-2", code=1)
        assert "FROM-TO" in run("scan", "2", "Mercury23x", "9-1", code=2)
        assert "at most four" in run("scan", "2", "Mercury23x", "1-2", "--settings", "8n1", code=2)
        long = subprocess.Popen([os.path.join(BIN, "uspdctl"), "scan", "2", "Mercury23x", "100-240"],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_until("the scan", lambda: self.daemon.get("bus/2/scan")["state"] == "running")
        assert "scanned" in run("scan", "2", "Mercury23x", "1", code=1)
        long.send_signal(signal.SIGINT)
        out, _ = long.communicate(timeout=15)
        same((long.returncode, "stopped:" in out), (1, True), out)

    def raw(self):
        out = run("raw", "Iface2", "15", "00", "--checksum", "crc16-modbus")	# address 21: is the line there
        assert re.search(r"^tx  15 00 [0-9a-f]{2} [0-9a-f]{2}$", out, re.M), out
        assert re.search(r"^rx  15 00 ", out, re.M) and re.search(r"^\d+\.\d ms$", out, re.M), out
        told = self.json("raw", "2", "1500", "--checksum", "mercury", "--settings", "9600,8n1", "--silence", "30")
        same(told["rx"][:4], "1500")
        assert "uspdctl:" in run("raw", "2", "ff00", "--answer", "100", code=1)
        assert "/hex" in run("raw", "2", "1", code=1)
        assert "whole number" in run("raw", "2", "00", "--answer", "x", code=2)
        run("settings", "put", "poll.enabled=1")

    def journals(self):
        assert re.search(r"^meter/relay +[1-9]", run("journal"), re.M)
        out = run("journal", "meter/relay", "--limit", "1")
        same(len(out.splitlines()), 2, out)
        assert "relayState" in out.splitlines()[0], out
        rows = self.json("journal", "meter/relay")["rows"]
        at = rows[0]["ts"]
        same(self.json("journal", "meter/relay", "--from", str(at + 1))["rows"], [])
        same(len(self.json("journal", "meter/relay", "--from", str(rows[-1]["ts"]), "--to", str(at))["rows"]),
             len(rows))
        assert "no rows in this period" in self.stderr("journal", "meter/relay", "--to", "2001-01-01")
        assert "no journal" in run("journal", "nonsense", code=1)
        assert "(from)" in run("journal", "system", "--from", "yesterday", code=1)
        follower = subprocess.Popen([os.path.join(BIN, "uspdctl"), "journal", "meter/relay", "--limit", "1",
                                     "--follow"], stdout=subprocess.PIPE, text=True)
        follower.stdout.readline()
        run("relay", "69000010", "1", "on")
        line = follower.stdout.readline()
        follower.send_signal(signal.SIGINT)
        follower.communicate(timeout=10)
        same((follower.returncode, "relayState=1" in line), (0, True), line)

    @staticmethod
    def stderr(*words):
        return subprocess.run([os.path.join(BIN, "uspdctl"), *words], capture_output=True, text=True,
                              timeout=30, check=True).stderr

    def settings(self):
        assert "time.tz_min" in run("settings") and "time.tz_min" in run("settings", "get")
        same(run("settings", "get", "poll.attempts"), "3\n")
        same(run("settings", "put", "poll.attempts", "4"), "poll.attempts = 4\n")
        same(run("settings", "poll.attempts", "3"), "poll.attempts = 3\n")
        same(run("settings", "poll.attempts"), "3\n")
        same(self.json("settings", "get", "poll.attempts")["default"], "3")
        assert "no value" in run("settings", "put", "poll.attempts=99", code=1)
        assert "no setting" in run("settings", "put", "poll.nonsense=1", code=1)
        assert "no setting" in run("settings", "get", "poll.nonsense", code=1)
        file = self.path("settings.json", '{"poll.attempts": 5, "http.ticket_min": "31"}')
        run("settings", "put", "--file", file)
        same(run("settings", "get", "http.ticket_min"), "31\n")

    def tables(self):
        names = {t["table"]: t for t in self.json("settings", "tables")}
        served = {p[len("/settings/"):] for p in self.daemon.get("openapi.json")["paths"] if p.startswith("/settings/")}
        same(sorted(names), sorted(served), "tables")
        for name in names:
            self.json("settings", "get", name)
            self.stderr("settings", "get", name)
        assert re.search(r"^ *2 +1 +9600 ", run("settings", "get", "uart"), re.M)
        run("settings", "put", "uart", "id=2", "br=19200")
        same([r["br"] for r in self.json("settings", "get", "uart")["Settings"]], [9600, 19200, 9600, 9600])
        run("settings", "put", "uart", "id=2", "br=9600")
        port = self.daemon.iface[2]
        run("settings", "put", "servers/tcp", "port=%d" % port, "mode=wait", 'allow=["10.0.0.0/8"]')
        row, = [r for r in self.json("settings", "get", "servers/tcp", "--full")["Settings"] if r["port"] == port]
        same((row["type"], row["mode"], row["allow"]), ("iface2", "wait", ["10.0.0.0/8"]))
        same(len(self.json("settings", "get", "servers/tcp")["Settings"]), 5, "the others stay")
        run("settings", "put", "time/local", "tz=4")
        same(run("settings", "get", "time.tz_min"), "240\n")
        run("settings", "put", "time/local", "tz=3")
        run("settings", "put", "name", "name=roof")
        assert re.search(r"name +roof", run("settings", "get", "name"))
        run("settings", "put", "iec60870_5_104/iec60870_settings", "k=13")
        same(self.json("settings", "get", "iec60870_5_104/iec60870_settings")["Settings"][0]["k"], 13)
        self.rows_of_schedules()
        assert "no table" in run("settings", "get", "nonsense", code=1)
        assert "(/Settings/br)" in run("settings", "put", "uart", "id=2", "br=1", code=1)
        assert "NAME=VALUE" in run("settings", "put", "uart", "id", code=1)

    def rows_of_schedules(self):
        table = "events/schdl"
        run("settings", "add", table, "id=1", "min=0", "hour=255", "day=255", "month=255")
        assert "already" in run("settings", "add", table, "id=1", "min=0", "hour=255", "day=255", "month=255", code=1)
        run("settings", "add", table, "--file", self.path("rows.json", '[{"id":2,"min":5,"hour":1,"day":1,"month":1}]'))
        run("settings", "put", table, "id=2", "min=6")
        saved = run("settings", "get", table, "--json")
        same([(r["id"], r["min"]) for r in json.loads(saved)["Settings"]], [(1, 0), (2, 6)])
        assert "id=7" in run("settings", "delete", table, "1", "7", code=1)
        run("settings", "delete", table, "2")
        same([r["id"] for r in self.json("settings", "get", table)["Settings"]], [1])
        run("settings", "add", table, "id=3", "min=0", "hour=255", "day=255", "month=255")
        run("settings", "put", table, "--file", self.path("saved.json", saved), "--replace")
        same([r["id"] for r in self.json("settings", "get", table)["Settings"]], [1, 2], "replaced")
        run("settings", "delete", table, "--all")
        assert "empty" in self.stderr("settings", "get", table)
        assert "line 1" in run("settings", "add", table, "--file", self.path("bad.json", "[{]"), code=1)
        assert "No such file" in run("settings", "add", table, "--file", self.path("nothing"), code=1)
        run("settings", "delete", table, code=2)

    def backup(self):
        plain, sealed = self.path("plain.json"), self.path("sealed.json")
        run("backup", plain)
        run("backup", sealed, "--secrets", stdin=PHRASE + "\n")
        same(os.stat(sealed).st_mode & 0o777, 0o600)
        with open(plain, encoding="utf-8") as f:
            assert "sealed" not in f.read()
        assert "8 to 256" in run("backup", sealed + "2", "--secrets", stdin="short\n", code=1)
        same(json.loads(run("backup", "-"))["openuspd"], "backup")
        run("settings", "put", "poll.attempts", "7")
        run("meter", "add", "id=1", "note=changed")
        assert "poll.attempts: 7 -> " in run("restore", plain, "--dry-run")
        same(run("settings", "get", "poll.attempts"), "7\n")
        assert "wrong" in (told := run("restore", sealed, "--secrets", stdin="not this one\n", code=1)) or \
            "pass-phrase" in told, told
        shown = run("restore", sealed, "--secrets", stdin=PHRASE + "\n")
        assert re.search(r"^meters +0 +1 +0", shown, re.M) and "done:" in shown, shown
        assert run("settings", "get", "poll.attempts") != "7\n"
        assert "uspdctl:" in run("restore", self.path("other.json", "{}"), code=1)
        run("restore", "-", "--secrets", code=2)

    def login(self, name, password):
        request = urllib.request.Request(os.environ["USPD_URL"] + "/auth", method="POST",
                                         data=json.dumps({"login": name, "password": password}).encode())
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.headers["Set-Cookie"]
        except urllib.error.HTTPError:
            return None

    def accounts(self):
        run("user", "add", "eva", "--level", "2", stdin=SECRET + "\n")
        assert re.search(r"eva +2 +administrator", run("user", "list"))
        assert self.login("eva", SECRET), "eva can log in"
        tickets = self.json("tickets", "list")["rows"]
        same([t["login"] for t in tickets], ["eva"])
        assert "eva" in run("tickets", "list")
        run("tickets", "end", str(tickets[0]["number"]))
        same(self.json("tickets", "list")["rows"], [])
        assert "no ticket" in run("tickets", "end", "4711", code=1)
        run("user", "password", "eva", stdin="another one 2\n")
        assert not self.login("eva", SECRET) and self.login("eva", "another one 2")
        run("user", "level", "eva", "1")
        same([u["lvl"] for u in self.json("user", "list") if u["login"] == "eva"], [1])
        assert self.login("eva", "another one 2"), "the password is as it was"
        run("user", "remove", "eva")
        assert "no account" in run("user", "remove", "eva", code=1)
        assert "(/Settings" in run("user", "remove", "admin", code=1) or "administrator" in \
            run("user", "remove", "admin", code=1)
        assert "no password" in run("user", "add", "ivan", stdin="", code=1)
        # Rows of journals are written in groups.
        wait_until("the audit", lambda: re.search(r"token +127\.0\.0\.1 +.*proto/json/auth +2 +.*\(removed\)",
                                                  run("audit", "--limit", "100")))
        assert SECRET not in run("audit", "--limit", "100")
        assert self.json("audit", "--limit", "2")["more"] is True

    @staticmethod
    def terminal():
        """On a terminal a password is asked for twice, and not shown."""
        child, fd = pty.fork()
        if child == 0:
            os.execv(os.path.join(BIN, "uspdctl"), ["uspdctl", "user", "add", "olga"])
        shown = b""
        for prompt, answer in ((b"password: ", SECRET), (b"again: ", SECRET + "x"), (b"two different", None)):
            while prompt not in shown:
                shown += os.read(fd, 1024)
            if answer:
                os.write(fd, answer.encode() + b"\n")
        _, status = os.waitpid(child, 0)
        os.close(fd)
        same(os.waitstatus_to_exitcode(status), 1, shown)
        assert SECRET.encode() not in shown, shown

    def refusals(self):
        away = dict(os.environ, USPD_URL="http://127.0.0.1:1")
        assert "cannot reach" in run("status", code=3, env=away)
        assert "api.token" in run("--token", "wrong", "status", code=1)
        assert "No such file" in run("--token-file", "/nonexistent", "status", code=1)
        run("--url", os.environ["USPD_URL"] + "/", "--token-file", os.path.join(self.daemon.data_dir, "api.token"),
            "status", env={k: v for k, v in os.environ.items() if not k.startswith("USPD")})


def main():
    report = Report()
    report.case("every command has its help", every_command_has_help)
    report.case("the manual tells every command and option", manual_tells_every_option)
    report.case("completion knows every command and option", completion_knows_every_word)
    with Directory() as directory:
        tool = Tool(directory)
        for name, case in (
                ("meter", tool.meters), ("poll, read, sql, rtu327", tool.polling), ("ping, clock, relay", tool.orders),
                ("trace", tool.trace), ("scan", tool.scan), ("raw", tool.raw), ("journal", tool.journals),
                ("settings by key", tool.settings), ("tables of settings", tool.tables),
                ("backup and restore", tool.backup), ("user, tickets, audit", tool.accounts),
                ("a terminal", tool.terminal), ("refusals", tool.refusals)):
            report.case(name, case)
        report.case("the daemon ends well", lambda: same(tool.daemon.stop(), 0))
        tool.street.stop()
    report.end()


main()
