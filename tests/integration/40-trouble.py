#!/usr/bin/env python3
"""What can be wrong when the daemon starts, and what happens to its files: it says what is wrong and
where, spoils nothing, and what was lost is read again from the meters."""

import hashlib
import json
import os
import random
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time

import street_check
from uspd import BIN, Daemon, Directory, Report, Street

UNPRIVILEGED = 65534
STREET = {
    "tz_min": 180, "history_days": 8,
    "buses": [
        {"name": "Iface1", "pty": True, "meters": [
            {"type": "mercury230", "count": 6, "first_address": 1, "first_serial": "60000001"}]},
        {"name": "Iface2", "pty": True, "meters": [
            {"type": "mercury236", "count": 6, "first_address": 1, "first_serial": "60000101"},
            {"type": "ce303", "serial": "009114260000001"}]},
    ],
}
# As another user, from inside a folder which that user could not reach by its path.
AS_ANOTHER = """
import os, sys
program = os.open(sys.argv[1], os.O_RDONLY)
os.setgroups([])
os.setgid(%d)
os.setuid(%d)
os.execve(program, sys.argv[1:], os.environ)
""" % (UNPRIVILEGED, UNPRIVILEGED)


def write(path, data):
    with open(path, "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())
    return path


def read(path):
    with open(path, "rb") as f:
        return f.read()


def digests(folder):
    """What is in the folder, without what SQLite keeps beside an open database."""
    return {n: hashlib.sha256(read(os.path.join(folder, n))).hexdigest() for n in sorted(os.listdir(folder))
            if not n.endswith(("-wal", "-shm", ".lock")) and os.path.isfile(os.path.join(folder, n))}


def run(*args, seconds=20, **options):
    """The daemon with these arguments, which is expected to end by itself."""
    return subprocess.run([os.path.join(BIN, "uspdd"), *args], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, errors="replace", timeout=seconds, **options)


def refuses(done, *wanted):
    assert done.returncode == 1, "exit code %d: %s" % (done.returncode, done.stderr)
    for words in wanted:
        assert re.search(words, done.stderr), "not said: %s; but: %s" % (words, done.stderr)
    assert "ready:" not in done.stderr


def board(directory, name="board.json", **members):
    return write(os.path.join(directory, name), json.dumps(dict(Daemon.board_of(None), **members)))


# ---- the board file ----

BOARDS = [
    ("a missing comma", '{\n\t"clock": "virtual"\n\t"lines": {}\n}', r"line 3, column \d+"),
    ("cut off", '{\n"lines": {\n', r"line \d+, column \d+"),
    ("empty", "", r"line 1, column 0|line 1"),
    ("not JSON", "tty=/dev/ttyS0\n", r"line 1, column \d+"),
    ("not UTF-8", b'{"clock": "\xff\xfe"}', r"line 1, column \d+"),
    ("a list", "[]", "the board must be an object"),
    ("a member twice", '{"clock": "virtual",\n"clock": "system"}', r"line 2.*duplicate"),
    ("a misspelt member", '{"line": {}}', 'unknown member "line"; known: lines http'),
    ("a fifth bus", '{"lines": {"Iface5": {"tty": "/dev/x"}}}', "Iface5.*Iface1..Iface4"),
    ("no device", '{"lines": {"Iface1": {}}}', 'Iface1.*"tty" names no device'),
    ("a gap", '{"lines": {"Iface1": {"tty": "/dev/x", "gap_min_ms": -1}}}', "Iface1.*gap_min_ms.*0..1000"),
    ("a port", '{"http": {"port": 70000}}', "http.*port number 0..65535"),
    ("a port of text", '{"rtu327": {"port": "7777"}}', "rtu327.*port number"),
    ("a clock", '{"clock": "sundial"}', "clock.*virtual"),
    ("nested too deep", "[" * 100000, r"line 1, column \d+"),
]


def bad_board(directory, content, words):
    path = write(os.path.join(directory, "bad.json"), content)
    data = os.path.join(directory, "unborn")
    for more in (["--check"], ["--data", data]):
        refuses(run("--board", path, *more), re.escape(path), words)
    assert not os.path.exists(data), "a data folder was made"


def board_check(directory):
    path = board(directory, "good.json", lines={"Iface1": {"tty": "/dev/not-there"}})
    done = run("--board", path, "--check")
    assert done.returncode == 0, done
    refuses(run("--board", os.path.join(directory, "no-such.json"), "--check"), "no-such.json.*cannot be read",
            "No such file")
    refuses(run("--board", directory, "--check"), re.escape(directory))
    for args in ([], ["--board", path], ["--board", path, "--data"], ["--what"], ["--board", path, "--check", "x"]):
        done = run(*args)
        assert done.returncode == 2 and "usage:" in done.stderr, (args, done)


# ---- the data folder ----

def newer_version(directory, name):
    data = os.path.join(directory, "newer-" + name)
    assert Daemon(directory, data=data).stop() == 0
    path = os.path.join(data, name)
    with sqlite3.connect(path) as connection:
        own = connection.execute("PRAGMA user_version").fetchone()[0]
        connection.execute("PRAGMA user_version = %d" % (own + 40))
    connection.close()
    before = digests(data)
    refuses(run("--board", board(directory), "--data", data), re.escape(path), "newer version",
            "version %d, this program knows up to %d" % (own + 40, own))
    assert digests(data) == before, "files were changed"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = %d" % own)
    connection.close()
    assert Daemon(directory, data=data).stop() == 0


def data_is_file(directory):
    path = write(os.path.join(directory, "file"), "something")
    refuses(run("--board", board(directory), "--data", path), re.escape(path), "is not a folder")
    refuses(run("--board", board(directory), "--data", path + "/below"), re.escape(path + "/below"),
            "is not a folder")
    assert read(path) == b"something"


def as_another(directory, data):
    """The daemon as a user who owns nothing; paths are relative to `directory`."""
    args = ["--board", "board.json", "--data", data]
    if os.getuid() != 0:
        return run(*args, cwd=directory)
    return subprocess.run([sys.executable, "-c", AS_ANOTHER, os.path.join(BIN, "uspdd"), *args],
                          cwd=directory, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)


def read_only_folder(directory):
    data = os.path.join(directory, "locked")
    os.chmod(board(directory), 0o644)
    os.chmod(directory, 0o755)
    os.mkdir(data)
    os.chmod(data, 0o555)
    refuses(as_another(directory, "locked"), "locked", "cannot be written: check owner, mode", "Permission denied")
    refuses(as_another(directory, "locked/below"), "locked/below", "cannot be written", "Permission denied")
    assert os.listdir(data) == []
    os.chmod(data, 0o755)
    assert Daemon(directory, data=data).stop() == 0
    before = digests(data)
    os.chmod(data, 0o555)
    refuses(as_another(directory, "locked"), "locked", "cannot be written")
    os.chmod(data, 0o755)
    assert digests(data) == before


def read_only_file(directory):
    """The folder may be written, a database in it may not."""
    for name in ("config.db", "archive.db"):
        data = os.path.join(directory, "mixed-" + name)
        assert Daemon(directory, data=data).stop() == 0
        os.chmod(os.path.join(directory, "board.json"), 0o644)
        os.chmod(data, 0o777)
        for entry in os.listdir(data):
            os.chmod(os.path.join(data, entry), 0o444 if entry == name else 0o666)
        refuses(as_another(directory, os.path.basename(data)), re.escape(name), "cannot be written|read-only")


def two_daemons(directory):
    first = Daemon(directory)
    try:
        before = digests(first.data_dir)
        refuses(run("--board", board(directory, "second.json"), "--data", first.data_dir),
                re.escape(first.data_dir) + ": in use", "another program has this store open")
        assert digests(first.data_dir) == before
        assert first.get("status")["totals"]["meters"] == 0
    finally:
        assert first.stop() == 0
    assert Daemon(directory, data=first.data_dir).stop() == 0, "the lock outlives its holder"


def port_in_use(directory):
    """Without HTTP nobody could mend it; any other port is tried again."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        path = board(directory, "taken.json", http={"bind": "127.0.0.1", "port": port})
        refuses(run("--board", path, "--data", os.path.join(directory, "taken")),
                "HTTP cannot listen on 127.0.0.1 port %d: .*in use" % port)
        daemon = Daemon(directory, board=dict(Daemon.board_of(None), rtu327={"bind": "127.0.0.1", "port": port}),
                        data=os.path.join(directory, "taken"))
        assert daemon.rtu327 == 0
        daemon.wait_line("port=%d for=rtu327: cannot listen: the port is in use" % port)
        assert daemon.get("status")["totals"]["meters"] == 0
        assert daemon.stop() == 0


# ---- a running daemon with a street ----

class Town:
    def __init__(self, directory):
        self.directory = directory
        self.street = Street(directory, STREET, "--unpaced")
        self.meters = street_check.street_meters(STREET, self.street.ready, self.street.meters())
        self.daemon = None

    def start(self):
        self.daemon = Daemon(self.directory, self.street.links)
        return self.daemon

    def stop(self):
        if self.daemon and self.daemon.child.poll() is None:
            assert self.daemon.stop() == 0

    def fill(self):
        self.start()
        self.daemon.put_settings(poll__journal_min=0, poll__backfill_days=5)
        self.daemon.import_meters(self.street.meters_csv())
        self.complete()

    def complete(self):
        self.daemon.wait_complete(60)
        return street_check.check_street(self.daemon, STREET, self.meters)

    def path(self, name):
        return os.path.join(self.daemon.data_dir, name)

    def journal(self, words):
        end = time.monotonic() + 10
        while True:
            rows = [r for r in self.daemon.get("journal/system")["rows"] if words in r["text"]]
            if rows:
                return rows
            assert time.monotonic() < end, "no journal row with %r" % words
            time.sleep(0.1)


def hang_up(town):
    """SIGHUP: taken at any moment, also many at once; polling goes on."""
    daemon = town.daemon
    for _ in range(20):
        daemon.child.send_signal(signal.SIGHUP)
    daemon.wait_line("reloading")
    before = daemon.get("status")
    body = b'{"types": ["ElDayEnergy"], "again": true}'
    status, answer = daemon.call("POST", "poll", body)
    assert status == 200, answer
    end = time.monotonic() + 30
    while daemon.get("status")["totals"]["records"] <= before["totals"]["records"]:
        assert time.monotonic() < end, "nothing is read after SIGHUP"
        time.sleep(0.1)
    assert daemon.child.poll() is None and daemon.get("status")["totals"]["meters"] == len(town.meters)


def spoil(path, share, seed):
    """Overwrites this share of the pages behind the first with noise."""
    dice = random.Random(seed)
    pages = os.path.getsize(path) // 4096
    with open(path, "r+b") as f:
        for page in dice.sample(range(1, pages), max(1, int((pages - 1) * share))):
            f.seek(4096 * page)
            f.write(dice.randbytes(4096))


def archive_pages(town):
    for seed in (2, 3):
        town.stop()
        before = os.path.getsize(town.path("archive.db"))
        spoil(town.path("archive.db"), 0.2, seed)
        daemon = town.start()
        daemon.wait_line("archive.db was damaged")
        row = town.journal("archive.db was damaged")[-1]
        assert row["level"] == "error" and re.search(r"rows kept: \d+; records lost: \d+; old file: \S+",
                                                     row["text"]), row
        aside = re.search(r"old file: (\S+)", row["text"]).group(1)
        assert os.path.getsize(town.path(aside)) == before, "the damaged file is not kept as it was"
        print(town.complete(), "records right after", row["text"].split("; ", 1)[1])
    kept = [n for n in os.listdir(daemon.data_dir) if n.startswith("archive.db.damaged") and "-wal" not in n
            and "-shm" not in n]
    assert len(kept) == 1, kept


def archive_gone(town, name, spoiler):
    town.stop()
    for suffix in ("-wal", "-shm"):
        if os.path.exists(town.path("archive.db" + suffix)):
            os.unlink(town.path("archive.db" + suffix))
    spoiler(town.path("archive.db"))
    town.start()
    print(town.complete(), "records right after", name)


def config_copy(town, name):
    """A nightly copy as the daemon makes it; it takes minutes to make one by itself."""
    source, copy = sqlite3.connect(town.path("config.db")), sqlite3.connect(town.path(name))
    with source, copy:
        source.backup(copy)
    source.close()
    copy.close()


def config_damaged(town):
    daemon = town.daemon
    table = daemon.get("meters?limit=100")["rows"]
    town.stop()
    config_copy(town, "config.db.bak-20240501")
    write(town.path("config.db.bak-20240502"), b"a copy that is damaged, too" * 1000)
    spoil(town.path("config.db"), 1, 3)
    daemon = town.start()
    daemon.wait_line("replaced by the copy config.db.bak-20240501")
    row = town.journal("replaced by the copy")[-1]
    assert row["level"] == "error" and "config.db.bak-20240501" in row["text"], row
    assert os.path.exists(town.path("config.db.damaged"))
    now = daemon.get("meters?limit=100")["rows"]
    same = ("id", "index", "type", "addr", "iface", "cfg", "group", "note", "serial")
    assert [[r[k] for k in same] for r in now] == [[r[k] for k in same] for r in table]
    values = {s["key"]: s["value"] for s in daemon.get("settings")["settings"]}
    assert values["poll.journal_min"] == "0"
    print(town.complete(), "records are still right")


def config_lost(town):
    """No copy: it does not start over with an empty table, and leaves everything as it was."""
    town.stop()
    for name in os.listdir(town.daemon.data_dir):
        if name.startswith("config.db.bak"):
            os.unlink(town.path(name))
    for header in (False, True):
        if header:
            write(town.path("config.db"), b"\xff" * 8192)
        else:
            spoil(town.path("config.db"), 1, 4)
        before = digests(town.daemon.data_dir)
        done = run("--board", town.daemon.board_file, "--data", town.daemon.data_dir)
        refuses(done, re.escape(town.path("config.db")), "database is damaged|not a database", "no nightly copy")
        assert digests(town.daemon.data_dir) == before, "files were changed"


# ---- stopping ----

def stop_while_polling(directory):
    """Real pace, so that each moment is in the middle of an exchange; some meters never answer."""
    street = {"tz_min": 180, "buses": [
        {"name": "Iface1", "pty": True, "speed": 9600, "meters": [
            {"type": "mercury230", "count": 20, "first_address": 1, "first_serial": "61000001"}]},
        {"name": "Iface2", "pty": True, "speed": 9600, "meters": [
            {"type": "ce303", "count": 3, "first_serial": "009114261000001"}]},
        {"name": "Iface3", "pty": True, "meters": [
            {"type": "ce301", "count": 3, "first_serial": "008841261000001", "dead": True}]},
        {"name": "gate", "tcp": "127.0.0.1:0", "meters": [{"type": "mercury236", "address": 9,
                                                           "serial": "61000272", "dead": True}]}]}
    sim = Street(directory, street)
    dice = random.Random(9)
    try:
        daemon = Daemon(directory, sim.links, data=os.path.join(directory, "stopped"))
        daemon.import_meters(sim.meters_csv())
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
            end = time.monotonic() + 10
            while [b["state"] for b in daemon.get("status")["buses"]].count("poll") < 3:
                assert time.monotonic() < end, daemon.get("status")["buses"]
                time.sleep(0.05)
            # Somebody is connected who has begun to ask.
            clients = [socket.create_connection(("127.0.0.1", port)) for port in (daemon.rtu327, daemon.http)]
            for client in clients:
                client.sendall(b"\x02\x00")
            time.sleep(dice.random() * 0.3)
            assert daemon.stop(number, 5) == 0
            for client in clients:
                client.close()
            assert any("stopping" in line for line in daemon.lines)
            daemon = Daemon(directory, sim.links, data=daemon.data_dir)
        assert daemon.stop(signal.SIGTERM, 5) == 0
    finally:
        sim.stop()


def main():
    report = Report()
    with Directory() as directory:
        for name, content, words in BOARDS:
            report.case("board file: " + name, bad_board, directory, content, words)
        report.case("board file: --check, and wrong arguments", board_check, directory)
        for name in ("config.db", "archive.db"):
            report.case("%s of a newer version" % name, newer_version, directory, name)
        report.case("the data folder is a file", data_is_file, directory)
        report.case("the data folder is read-only", read_only_folder, directory)
        report.case("a database is read-only", read_only_file, directory)
        report.case("two daemons on one folder", two_daemons, directory)
        report.case("a port is in use", port_in_use, directory)
    with Directory() as directory:
        town = Town(directory)
        report.case("a street is polled", town.fill)
        report.case("SIGHUP", hang_up, town)
        report.case("archive.db: damaged pages", archive_pages, town)
        report.case("archive.db: nothing but noise", archive_gone, town, "noise",
                    lambda path: write(path, random.Random(5).randbytes(300000)))
        report.case("archive.db: cut in half", archive_gone, town, "a cut",
                    lambda path: os.truncate(path, os.path.getsize(path) // 2 // 4096 * 4096))
        report.case("archive.db: gone", archive_gone, town, "loss", os.unlink)
        report.case("config.db: damaged, a copy is good", config_damaged, town)
        report.case("config.db: damaged, no copy", config_lost, town)
        town.stop()
        town.street.stop()
    with Directory() as directory:
        report.case("SIGTERM and SIGINT while polling", stop_while_polling, directory)
    report.end()


main()
