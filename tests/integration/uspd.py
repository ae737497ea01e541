"""What integration tests share: a simulated street, the daemon, its HTTP interface.

Only the standard library.  Every test gets a directory of its own that disappears with it; ports
are chosen by the kernel.  A test is a script whose last line is "N passed, M failed".
"""

import atexit
import csv
import io
import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BIN = os.path.join(ROOT, os.environ.get("USPD_BIN", "build/release"))


class Directory:
    """A directory that disappears with the test."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="uspd-test-")

    def __enter__(self):
        return self.path

    def __exit__(self, *unused):
        subprocess.run(["chmod", "-R", "u+w", self.path], check=False)
        shutil.rmtree(self.path, ignore_errors=True)


class Process:
    """A child whose lines are read with a deadline, and that does not outlive the test."""

    def __init__(self, args, stream, env=None):
        pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, stream: subprocess.PIPE}
        if stream == "stdout":
            pipes["stderr"] = None
        self.child = subprocess.Popen(args, stdin=subprocess.DEVNULL, env=env, **pipes)
        atexit.register(self.reap)
        self.stream = getattr(self.child, stream)
        self.lines = []
        self.rest = b""
        os.set_blocking(self.stream.fileno(), False)

    def reap(self):
        """For a test that failed before it could stop us."""
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()

    def read(self, timeout):
        ready, _, _ = select.select([self.stream], [], [], timeout)
        chunk = os.read(self.stream.fileno(), 65536) if ready else None
        if chunk:
            *lines, self.rest = (self.rest + chunk).split(b"\n")
            self.lines += [line.decode("utf-8", "replace") for line in lines]
        return chunk

    def wait_line(self, wanted, seconds=30):
        end = time.monotonic() + seconds
        seen = 0
        while True:
            for line in self.lines[seen:]:
                if wanted in line:
                    return line
            seen = len(self.lines)
            left = end - time.monotonic()
            if left <= 0 or self.read(left) == b"":
                raise AssertionError("no line with %r; got:\n%s" % (wanted, "\n".join(self.lines[-30:])))

    def drain(self):
        while self.child.poll() is None and self.read(0):
            pass
        return self.lines

    def stop(self, number=signal.SIGTERM, seconds=30):
        if self.child.poll() is None:
            self.child.send_signal(number)
        end = time.monotonic() + seconds
        while self.child.poll() is None and time.monotonic() < end:
            self.read(0.05)
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
            raise AssertionError("did not end within %d s of the signal" % seconds)
        while self.read(0):
            pass
        self.stream.close()
        return self.child.returncode


class Street(Process):
    """uspd-sim with a street given as an object."""

    def __init__(self, directory, street, *options):
        self.directory = directory
        self.file = os.path.join(directory, "street.json")
        with open(self.file, "w", encoding="utf-8") as f:
            json.dump(street, f)
        links = os.path.join(directory, "lines")
        os.makedirs(links, exist_ok=True)
        super().__init__([os.path.join(BIN, "uspd-sim"), "--street", self.file, "--links", links,
                          *options], "stdout")
        self.ready = json.loads(self.wait_line("{"))
        self.links = links

    def meters(self):
        """Rows of the meter table of this street; TCP endpoints carry their real ports."""
        out = subprocess.run([os.path.join(BIN, "uspd-sim"), "--street", self.file, "--meters-csv"],
                             check=True, capture_output=True).stdout.decode("utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(out), delimiter=";"))
        ports = {bus["name"]: bus["port"] for bus in self.ready["buses"] if "port" in bus}
        for row in rows:
            if row["iface"] == "Ethernet":
                row["addr"] = row["addr"].replace(":0", ":%d" % ports[row["note"]], 1)
        return rows

    def meters_csv(self):
        rows = self.meters()
        out = io.StringIO()
        writer = csv.DictWriter(out, rows[0].keys(), delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
        return out.getvalue()


class Daemon(Process):
    """uspdd on a board of its own."""

    def __init__(self, directory, links=None, board=None, data=None, wait=True, wrapper=()):
        self.data_dir = data or os.path.join(directory, "data")
        self.board_file = os.path.join(directory, "board.json")
        board = board if board is not None else self.board_of(links)
        with open(self.board_file, "w", encoding="utf-8") as f:
            json.dump(board, f)
        super().__init__([*wrapper, os.path.join(BIN, "uspdd"), "--board", self.board_file,
                          "--data", self.data_dir, *os.environ.get("USPDD_OPTIONS", "").split()], "stderr")
        self.http = self.rtu327 = 0
        self.token = ""
        if wait:
            words = dict(w.split("=") for w in self.wait_line("ready:").split() if "=" in w)
            self.http, self.rtu327 = int(words["http"]), int(words["rtu327"])
            self.iface = {n: int(words["iface%d" % n].split(",")[0]) for n in range(1, 5)}
            self.find_token()

    def find_token(self):
        """The administrator's, for us and for every uspdctl of this test."""
        if not self.token:
            with open(os.path.join(self.data_dir, "api.token"), encoding="ascii") as f:
                self.token = f.read().strip()
            os.environ["USPD_TOKEN"] = self.token
        return self.token

    @staticmethod
    def board_of(links):
        names = ["Iface%d" % i for i in range(1, 5)]
        lines = {n: {"tty": os.path.join(links, n)} for n in names
                 if links and os.path.lexists(os.path.join(links, n))}
        return {"lines": lines, "http": {"bind": "127.0.0.1", "port": 0},
                "rtu327": {"bind": "127.0.0.1", "port": 0},
                "transit": {"bind": "127.0.0.1", "ports": [0, 0, 0, 0]}, "clock": "virtual"}

    def call(self, method, path, body=None, kind="application/json", seconds=60):
        self.drain()
        request = urllib.request.Request("http://127.0.0.1:%d/api/v1/%s" % (self.http, path),
                                         data=body, method=method)
        request.add_header("Authorization", "Bearer " + self.find_token())
        if body is not None:
            request.add_header("Content-Type", kind)
        try:
            with urllib.request.urlopen(request, timeout=seconds) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def get(self, path):
        status, body = self.call("GET", path)
        if status != 200:
            raise AssertionError("GET %s: %d %s" % (path, status, body[:300]))
        return json.loads(body)

    def put_settings(self, **values):
        status, body = self.call("PUT", "settings", json.dumps(
            {k.replace("__", "."): str(v) for k, v in values.items()}).encode())
        assert status in (200, 204), (status, body[:300])

    def import_meters(self, table):
        status, body = self.call("POST", "meters.csv", table.encode(), "text/csv")
        assert status in (200, 204), (status, body[:500])

    def wait_complete(self, seconds=120, silent=0, pause=0.3):
        """Until everything the meters hold is in the archive."""
        end = time.monotonic() + seconds
        while True:
            totals = self.get("status")["totals"]
            if (totals["untried"] == 0 and totals["missing"] == 0 and totals["silent"] <= silent and
                    totals["answering"] + totals["silent"] + totals["no_driver"] >= totals["meters"] > 0):
                return totals
            if time.monotonic() > end:
                raise AssertionError("not complete: %r\n%s" % (totals, "\n".join(self.drain()[-20:])))
            time.sleep(pause)

    def data(self, meter, kind, first=None, last=None):
        query = "data?meter=%s&type=%s" % (meter, kind)
        if first is not None:
            query += "&from=%d" % first
        if last is not None:
            query += "&to=%d" % last
        return self.get(query)


class Report:
    """Counts cases; the last line is what test runners read."""

    def __init__(self):
        self.passed = self.failed = 0

    def case(self, name, function, *args):
        try:
            function(*args)
            self.passed += 1
            print("ok    %s" % name, flush=True)
        except Exception as error:  # pylint: disable=broad-except
            self.failed += 1
            print("FAIL  %s: %s: %s" % (name, type(error).__name__, error), flush=True)

    def end(self):
        print("%d passed, %d failed" % (self.passed, self.failed))
        sys.exit(1 if self.failed else 0)


# ---- small helpers ----

def same(got, wanted, what=""):
    """Long values are cut: what is told is read by a person."""
    assert got == wanted, "%s: %.300r instead of %.300r" % (what, got, wanted)


def wait_until(what, ready, seconds=20):
    """What ready() gives as soon as that is true."""
    end = time.monotonic() + seconds
    while not (found := ready()):
        assert time.monotonic() < end, "%s: not within %d s" % (what, seconds)
        time.sleep(0.05)
    return found


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def crc16(data):
    """Of Modbus and Mercury, as it goes over the line."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
    return struct.pack("<H", value)


def resident_kib(pid):
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))
