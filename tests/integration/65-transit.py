#!/usr/bin/env python3
"""Transit over a real daemon (transit.md 10): clients on TCP, the test itself at the other end of
every bus; then a simulated street beside a client that holds one bus."""

import json
import os
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
import tty
import urllib.request

import rtu327_client
import street_check
from uspd import Daemon, Directory, Report, Street, crc16, free_port, same

RESET = struct.pack("ii", 1, 0)
PYSERIAL = """
import serial
with serial.serial_for_url("rfc2217://127.0.0.1:%d", baudrate=9600, timeout=5) as s:
    s.write(bytes(range(256)))
    assert s.read(256) == bytes(range(256))
    s.baudrate = 38400
    s.write(b"fast")
    assert s.read(3) == b"too"
    print("good")
"""
STREET = {
    "tz_min": 180, "history_days": 8,
    "buses": [
        {"name": "Iface%d" % n, "pty": True, "speed": 9600, "meters": [
            {"type": "mercury230", "count": count, "first_address": 1, "first_serial": "65000%d01" % n}]}
        for n, count in ((1, 2), (2, 4), (3, 4))
    ],
}


class Line:
    """The far end of a bus: a pty whose link may be renewed."""

    def __init__(self, link):
        self.link = link
        self.open()

    def open(self):
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        os.set_blocking(self.master, False)
        if os.path.lexists(self.link):
            os.remove(self.link)
        os.symlink(os.ttyname(self.slave), self.link)

    def close(self):
        os.close(self.slave)
        os.close(self.master)

    def read(self, n, seconds=5.0):
        """n bytes, or what came in time."""
        got, end = b"", time.monotonic() + seconds
        while len(got) < n:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.master], [], [], left)[0]:
                break
            got += os.read(self.master, n - len(got))
        return got

    def write(self, data):
        at = 0
        while at < len(data):
            select.select([], [self.master], [], 5)
            at += os.write(self.master, data[at:])

    def silent(self, seconds):
        return not select.select([self.master], [], [], seconds)[0]

    def speed(self):
        return termios.tcgetattr(self.slave)[5]


def connect(port, receive=None):
    s = socket.socket()
    if receive:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
    s.settimeout(5)
    s.connect(("127.0.0.1", port))
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def receive(s, n, seconds=5.0):
    got, end = b"", time.monotonic() + seconds
    while len(got) < n:
        left = end - time.monotonic()
        if left <= 0 or not select.select([s], [], [], left)[0]:
            break
        chunk = s.recv(n - len(got))
        if not chunk:
            break
        got += chunk
    return got


def ended(s, seconds=5.0):
    """FIN without a byte before it."""
    ready = select.select([s], [], [], seconds)[0]
    assert ready, "not closed"
    data = s.recv(100)
    assert data == b"", data
    s.close()


class Transit:
    def __init__(self, directory):
        self.lines = [Line(os.path.join(directory, "bus%d" % n)) for n in range(1, 5)]
        board = Daemon.board_of(None)
        board["lines"] = {"Iface%d" % n: {"tty": os.path.join(directory, "bus%d" % n), "echo": "off"}
                          for n in range(1, 5)}
        self.daemon = Daemon(directory, board=board)
        self.daemon.put_settings(http__force_change=0, transit__release_ms=200, transit__drain_quiet_s=1)
        self.factory = [{"port": self.daemon.iface[n], "type": "iface%d" % n} for n in range(1, 5)]
        self.factory.append({"port": self.daemon.rtu327, "type": "rtu327"})

    # ---- short ways ----

    def request(self, method, path, body=None):
        request = urllib.request.Request("http://127.0.0.1:%d%s" % (self.daemon.http, path),
                                         data=json.dumps(body).encode() if body is not None else None, method=method)
        request.add_header("Authorization", "Bearer " + self.daemon.find_token())
        request.add_header("X-Protocol-USPD", "40")
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read() or b"null")

    def servers(self, *more):
        """The four factory ports and more rows; waits until the last row is served."""
        self.request("PUT", "/settings/servers/tcp", {"Settings": self.factory + list(more)})
        if more and not more[-1].get("tls"):
            self.wait_port(more[-1]["port"])

    def wait_port(self, port, seconds=2.0):
        end = time.monotonic() + seconds
        while True:
            self.daemon.drain()
            if any("port=%d " % port in line and "serving" in line for line in self.daemon.lines):
                return
            assert time.monotonic() < end, "port %d is not served within 2 s" % port
            time.sleep(0.01)

    def uart(self, bus, baud):
        self.request("PUT", "/settings/uart", {"Settings": [
            {"id": bus, "iface": bus - 1, "br": baud, "size": 8, "parity": 0, "stop": 1, "line": 0}]})

    def wait_log(self, words, seconds=5.0):
        """A line that comes from now on."""
        return self.daemon.wait_line(words, seconds)

    def client(self, bus=1, port=None, **options):
        """A client that has the bus: a byte passes."""
        s = connect(port or self.daemon.iface[bus], **options)
        probe = bytes([random.randrange(256)])
        s.sendall(probe)
        same(self.lines[bus - 1].read(1), probe, "probe")
        self.lines[bus - 1].write(probe)    # the exchange is over
        same(receive(s, 1), probe, "probe back")
        return s

    def leave(self, s, bus=1):
        """Waits until the desk has forgotten the client."""
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        s.close()
        end = time.monotonic() + 5
        while self.state(bus)["client"] and time.monotonic() < end:
            time.sleep(0.02)

    def state(self, bus):
        rows = self.request("GET", "/state/uart")["State"]
        row = next(r for r in rows if r["iface"] == bus - 1)
        return dict(row, client=row.get("client") or "")

    def journal(self, good, kind="srvconn"):
        """Rows are written in the background: those for which good(rows) holds in time."""
        end = time.monotonic() + 5
        while True:
            rows = []
            while page := self.daemon.get("journal/%s?order=asc&after=%d" % (kind, rows[-1]["id"] if rows else 0))["rows"]:
                rows += page
            if rows and good(rows):
                return rows
            assert time.monotonic() < end, rows[-3:]
            time.sleep(0.1)

    # ---- cases ----

    def table_is_the_board(self):
        rows = self.request("GET", "/settings/servers/tcp")["Settings"]
        assert [(r["port"], r["type"]) for r in rows] == [(r["port"], r["type"]) for r in self.factory], rows
        self.servers()

    def all_bytes(self, bus):
        line, s = self.lines[bus - 1], self.client(bus)
        every = bytes(range(256))
        s.sendall(every)
        same(line.read(256), every, "to the line")
        line.write(every)
        same(receive(s, 256), every, "to the client")
        for value in range(0, 256, 5):
            one = bytes([value])
            s.sendall(one)
            same(line.read(1), one, "one byte out")
            line.write(one)
            same(receive(s, 1), one, "one byte back")
        long = random.Random(bus).randbytes(20000)
        s.sendall(long)
        same(line.read(len(long)), long, "20000 bytes")
        assert line.silent(0.05)
        self.leave(s, bus)

    def four_at_once(self):
        faults = []

        def one(bus):
            try:
                self.all_bytes(bus)
            except Exception as error:  # pylint: disable=broad-except
                faults.append("bus %d: %r" % (bus, error))

        threads = [threading.Thread(target=one, args=(bus,)) for bus in range(1, 5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not faults, faults
        for line in self.lines:
            assert line.silent(0), "a byte too many"

    def line_settings(self):
        self.uart(1, 4800)
        s = self.client(1)
        attributes = termios.tcgetattr(self.lines[0].slave)
        assert attributes[5] == termios.B4800, attributes
        assert not attributes[3] & (termios.ECHO | termios.ICANON | termios.ISIG), attributes
        assert not attributes[0] & (termios.IXON | termios.IXOFF | termios.ICRNL), attributes
        self.uart(1, 19200)    # reaches the running session
        end = time.monotonic() + 2
        while self.lines[0].speed() != termios.B19200:
            assert time.monotonic() < end, "the new speed does not reach the session"
            time.sleep(0.02)
        s.sendall(b"still")
        same(self.lines[0].read(5), b"still")
        self.lines[0].write(b"here")
        same(receive(s, 4), b"here")
        self.leave(s)

    def silent_connect(self):
        s = connect(self.daemon.iface[1])
        assert self.lines[0].silent(0.3)
        state = self.state(1)
        assert state["lock"] and state["task"] == "transit", state
        s.close()
        assert self.lines[0].silent(0.3)

    def stale(self):
        time.sleep(0.3)
        self.lines[1].write(b"old bytes")
        s = connect(self.daemon.iface[2])
        self.wait_log("session begins")
        time.sleep(0.1)
        self.lines[1].write(b"new")
        same(receive(s, 3), b"new")
        self.leave(s, 2)

    def refuse(self):
        first = self.client(1)
        for _ in range(14):
            second = connect(self.daemon.iface[1])
            second.sendall(b"intruder")
            ended(second)
        first.sendall(b"mine")
        same(self.lines[0].read(4), b"mine")
        assert self.lines[0].silent(0.1)
        self.lines[0].write(b"yours")
        same(receive(first, 5), b"yours")
        self.leave(first)
        refused = lambda rows: sum("reason" in r and "end" not in r for r in rows)
        rows = self.journal(lambda rows: refused(rows) and rows[-1].get("reason") == "rst")
        assert refused(rows) == 10, "10 a minute are journalled, not %d" % refused(rows)

    def half_close(self):
        s = self.client(1)
        s.sendall(b"ask")
        s.shutdown(socket.SHUT_WR)
        same(self.lines[0].read(3), b"ask")
        time.sleep(0.3)
        self.lines[0].write(b"answer")
        same(receive(s, 6), b"answer")
        began = time.monotonic()
        ended(s)
        assert time.monotonic() - began < 5
        # Nor does it wait for ever for an answer that never comes.
        s = self.client(1)
        s.sendall(b"mute")
        s.shutdown(socket.SHUT_WR)
        same(self.lines[0].read(4), b"mute")
        began = time.monotonic()
        ended(s)
        assert time.monotonic() - began < 5

    def reconnect(self):
        """A client drops in the middle of an exchange; the late answer is not the next one's."""
        s = self.client(1)
        for i in range(20):
            s.sendall(b"ask%02d" % i)
            same(self.lines[0].read(5), b"ask%02d" % i)
            if i % 2:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            s.close()
            began = time.monotonic()
            s = connect(self.daemon.iface[1])
            time.sleep(0.02)
            self.lines[0].write(b"late answer %02d" % i)
            s.sendall(b"?")
            same(self.lines[0].read(1, 2), b"?", "served again")
            assert time.monotonic() - began < 2, "round %d: %.2f s" % (i, time.monotonic() - began)
            self.lines[0].write(b"!")
            same(receive(s, 1), b"!", "round %d" % i)
        self.leave(s)

    def stall(self):
        """One client does not read while its bus talks on and on; another port does not notice."""
        sleepy, other = self.client(1, receive=4096), self.client(2)
        stop, sent = threading.Event(), [0]

        def talk():
            number = 0
            while not stop.is_set() and number < 1 << 19:
                piece = b"".join(struct.pack(">I", number + i) for i in range(1024))
                number += 1024
                at = 0
                while at < len(piece) and not stop.is_set():
                    if select.select([], [self.lines[0].master], [], 0.1)[1]:
                        at += os.write(self.lines[0].master, piece[at:])
                sent[0] = number * 4

        thread = threading.Thread(target=talk)
        thread.start()
        worst = 0
        for _ in range(300):
            began = time.monotonic()
            other.sendall(b"ping")
            same(self.lines[1].read(4), b"ping")
            self.lines[1].write(b"pong")
            same(receive(other, 4), b"pong")
            worst = max(worst, time.monotonic() - began)
        self.wait_log("reason=stall", 10)
        stop.set()
        thread.join()
        got = b""
        while chunk := sleepy.recv(65536):
            got += chunk
        whole = len(got) // 4
        assert 1000 < whole < 1 << 18, whole
        assert list(struct.unpack(">%dI" % whole, got[:whole * 4])) == list(range(whole)), "a hole"
        assert worst < 0.5, worst
        sleepy.close()
        self.leave(other, 2)
        time.sleep(0.3)
        while self.lines[0].read(65536, 0.05):
            pass
        self.leave(self.client(1))

    def bulk(self):
        """As fast as 115200 allows, both ways at once, in random pieces."""
        size, rate = 64 * 1024, 11520
        self.uart(1, 115200)
        s, dice = self.client(1), random.Random(1)
        out, back = dice.randbytes(size), dice.randbytes(size)
        s.settimeout(30)
        sender = threading.Thread(target=lambda: s.sendall(out))
        results = {}
        reader = threading.Thread(target=lambda: results.update(back=receive(s, size, 30)))
        began = time.monotonic()
        sender.start()
        reader.start()
        got, given = b"", 0
        while len(got) < size or given < size:
            due = min(size, int((time.monotonic() - began) * rate) + 1)
            if given < due:
                given += os.write(self.lines[0].master, back[given:min(due, given + dice.randrange(1, 300))])
            if len(got) < due and select.select([self.lines[0].master], [], [], 0)[0]:
                got += os.read(self.lines[0].master, due - len(got))
            time.sleep(0.001)
            assert time.monotonic() - began < 25, "%d out, %d back" % (len(got), given)
        took = time.monotonic() - began
        sender.join()
        reader.join()
        assert got == out and results["back"] == back, "bytes differ"
        assert size / rate / took >= 0.95, "%.2f s for %.2f s of the line" % (took, size / rate)
        self.leave(s)

    def idle(self):
        port = free_port()
        self.servers({"port": port, "type": "iface3", "idle_s": 2})
        s, line = self.client(3, port), self.lines[2]
        for i in range(6):      # either direction alone keeps it open
            time.sleep(0.6)
            if i < 3:
                s.sendall(b"c")
                same(line.read(1), b"c")
            else:
                line.write(b"l")
                same(receive(s, 1), b"l")
        began = time.monotonic()
        ended(s)
        assert 1.5 < time.monotonic() - began < 4, time.monotonic() - began
        end = time.monotonic() + 2
        while self.state(3)["task"] == "transit":
            assert time.monotonic() < end
            time.sleep(0.05)

    def kick(self):
        port = free_port()
        self.servers({"port": port, "type": "iface1", "mode": "kick"})
        first = self.client(1, port)
        second = connect(port)
        ended(first)
        third = connect(port)
        ended(third)
        second.sendall(b"mine")
        same(self.lines[0].read(4), b"mine")
        self.leave(second)

    def wait(self):
        port = free_port()
        self.servers({"port": port, "type": "iface1", "mode": "wait", "wait_s": 1})
        first = self.client(1, port)
        queue = [connect(port) for _ in range(4)]
        full = connect(port)
        ended(full)
        queue[0].sendall(b"patient")
        assert self.lines[0].silent(0.2)
        first.close()
        same(self.lines[0].read(7), b"patient")
        for s in queue[1:]:
            ended(s)
        self.leave(queue[0])

    def shared(self):
        port = free_port()
        self.servers({"port": port, "type": "iface1", "mode": "shared", "max_clients": 3,
                      "share_quiet_ms": 100})
        line, clients = self.lines[0], [self.client(1, port)]
        clients += [connect(port), connect(port)]
        ended(connect(port))
        time.sleep(0.1)
        clients[0].sendall(b"A" * 50)
        same(line.read(50), b"A" * 50)
        clients[1].sendall(b"B" * 50)
        clients[0].sendall(b"a")
        same(line.read(1), b"a", "the burst goes on")
        line.write(b"answer")
        for s in clients:
            same(receive(s, 6), b"answer")
        same(line.read(50), b"B" * 50)
        line.write(b"done")
        for s in clients:
            same(receive(s, 4), b"done")
            s.close()

    def settings(self):
        """A row is changed, one removed; a session on another bus is not touched."""
        here, there, moved = self.client(2), free_port(), free_port()
        self.servers({"port": there, "type": "iface1"})
        gone = self.client(1, there)
        self.servers({"port": moved, "type": "iface1"})
        ended(gone, 2)
        try:
            connect(there)
            raise AssertionError("the old port still answers")
        except ConnectionRefusedError:
            pass
        here.sendall(b"unharmed")
        same(self.lines[1].read(8), b"unharmed")
        self.leave(self.client(1, moved))
        self.leave(here, 2)

    def allowed(self):
        port = free_port()
        self.servers({"port": port, "type": "iface1", "allow": ["192.0.2.0/24"]})
        ended(connect(port))
        self.servers({"port": port, "type": "iface1", "allow": ["192.0.2.0/24", "127.0.0.0/8"]})
        self.leave(self.client(1, port))

    def frame_hold(self):
        port = free_port()
        self.servers({"port": port, "type": "iface1", "frame_hold_ms": 150})
        s = connect(port)
        self.wait_log("port=%d: session begins" % port)
        for piece in (b"one ", b"two ", b"three"):
            s.sendall(piece)
            assert self.lines[0].silent(0.05)
        self.lines[0].read(0)
        assert select.select([self.lines[0].master], [], [], 2)[0]
        same(os.read(self.lines[0].master, 100), b"one two three", "in one piece")
        self.lines[0].write(b"!")
        same(receive(s, 1), b"!")
        self.leave(s)

    def rfc2217(self):
        port = free_port()
        self.servers({"port": port, "type": "iface1", "proto": "rfc2217"})
        s, line = connect(port), self.lines[0]
        s.sendall(b"\xff\xfb\x2c\xff\xfb\x00\xff\xfd\x00\xff\xfd\x01")
        same(receive(s, 12), b"\xff\xfd\x2c\xff\xfd\x00\xff\xfb\x00\xff\xfc\x01")
        s.sendall(b"\x00\xff\xff\x7f\xff\xfa\x2c\x01\x00\x00\x09\x60\xff\xf0after")
        same(line.read(8), b"\x00\xff\x7fafter")
        same(receive(s, 10), b"\xff\xfa\x2c\x65\x00\x00\x09\x60\xff\xf0")
        assert line.speed() == termios.B2400
        line.write(b"\xff\x01")
        same(receive(s, 3), b"\xff\xff\x01")
        s.sendall(b"\xff\xfa\x2c\x01\x00\x00\x00\x07\xff\xf0\xff\xfa\x2c\x04\x03\xff\xf0\xff\xfa\x2c\x00\xff\xf0")
        answer = receive(s, 10 + 7 + 6 + 15)
        same(answer[:17], b"\xff\xfa\x2c\x65\x00\x00\x09\x60\xff\xf0\xff\xfa\x2c\x68\x01\xff\xf0", "silly values")
        same(answer[17:], b"\xff\xfa\x2c\x64openuspd Iface1\xff\xf0"[:len(answer) - 17], "signature")
        receive(s, 2, 0.3)
        s.sendall(b"still here")
        same(line.read(10), b"still here")
        line.write(b"here")
        same(receive(s, 4), b"here")
        self.leave(s)
        self.leave(self.client(1))      # the next one finds the stored speed again
        assert line.speed() == termios.B115200

    def pyserial(self):
        """A real neighbour, where it is installed."""
        found = [p for p in (sys.executable, "/usr/bin/python3") if subprocess.run(
            [p, "-c", "import serial"], stderr=subprocess.DEVNULL, check=False).returncode == 0]
        if not found:
            return
        port, line = free_port(), self.lines[0]
        self.servers({"port": port, "type": "iface1", "proto": "rfc2217"})
        child = subprocess.Popen([found[0], "-c", PYSERIAL % port], stdout=subprocess.PIPE)
        same(line.read(256), bytes(range(256)))
        assert line.speed() == termios.B9600
        line.write(bytes(range(256)))
        same(line.read(4), b"fast")
        assert line.speed() == termios.B38400
        line.write(b"too")
        assert child.communicate(timeout=10)[0] == b"good\n" and child.returncode == 0

    def proxied(self):
        """A row with TLS is served behind its proxy only."""
        port = free_port()
        self.servers({"port": port, "type": "iface1", "tls": True})
        path = os.path.join(self.daemon.data_dir, "tls-%d.sock" % port)
        end = time.monotonic() + 2
        while not os.path.exists(path):
            assert time.monotonic() < end, "no socket"
            time.sleep(0.02)
        s = socket.socket(socket.AF_UNIX)
        s.connect(path)
        s.sendall(b"PROXY TCP4 192.0.2.7 127.0.0.1 50123 %d\r\nfirst" % port)
        same(self.lines[0].read(5), b"first")
        self.lines[0].write(b"x")
        same(receive(s, 1), b"x")
        row = self.journal(lambda rows: rows[-1]["client"] == "192.0.2.7:50123")[-1]
        assert (row["server"], row["iface"]) == ("127.0.0.1:%d" % port, 1), row
        self.leave(s)
        bad = socket.socket(socket.AF_UNIX)
        bad.connect(path)
        bad.sendall(b"GET / HTTP/1.0\r\n\r\n")
        bad.settimeout(5)
        try:
            same(bad.recv(10), b"")
        except ConnectionResetError:
            pass
        assert self.lines[0].silent(0.05)
        self.servers()

    def device_gone(self):
        s = self.client(4)
        self.lines[3].close()
        ended(s)
        self.lines[3].open()
        end = time.monotonic() + 5
        while True:
            s = connect(self.daemon.iface[4])
            s.sendall(b"back")
            if self.lines[3].read(4, 3) == b"back":
                break
            s.close()
            assert time.monotonic() < end, "not served after the device is back"
        self.leave(s, 4)
        self.journal(lambda rows: any(r["unit"] == "Iface4" and "transit" in r["text"] for r in rows), "system")

    def rtu_rows(self):
        """RTU-327 on two ports, one of them taken away again."""
        port = free_port()
        self.servers({"port": port, "type": "rtu327"})
        second = rtu327_client.Client(("127.0.0.1", port))
        first = rtu327_client.Client(("127.0.0.1", self.daemon.rtu327))
        assert abs(first.time() - second.time()) <= 1
        self.servers()
        ended(second.sock)
        first.time()

    def journalled(self):
        rows = self.journal(lambda rows: "end" in rows[-1])
        opened = [r for r in rows if "reason" not in r]
        closed = [r for r in rows if "end" in r]
        assert len(opened) == len(closed), (len(opened), len(closed))
        assert all(r["server"] and r["client"] for r in rows)
        assert {r["reason"] for r in closed} == {"fin", "rst", "settings"}, closed
        told = self.request("GET", "/jrnl/srvconn")["Jrnl"]
        assert len(told) == len(rows) - len(closed) and set(told[0]) == {"id", "time", "server", "client", "iface"}
        assert sum(r["lost"] for r in closed) == 0 and closed[0]["fromClient"] > 20000, closed[0]

    def shutdown(self):
        s = self.client(1)
        assert self.daemon.stop() == 0
        ended(s)
        for line in self.lines:
            line.close()


class Town:
    """A client holds bus 1 of a street."""

    def __init__(self, directory):
        self.street = Street(directory, STREET)
        self.daemon = Daemon(directory, self.street.links)
        self.meters = street_check.street_meters(STREET, self.street.ready, self.street.meters())

    def bus(self, name):
        return next(b for b in self.daemon.get("status")["buses"] if b["bus"] == name)

    def through(self):
        """Asked of a meter through the transit port while its bus is being polled."""
        self.daemon.put_settings(poll__backfill_days=1, poll__journal_min=0)
        self.daemon.import_meters(self.street.meters_csv())
        end = time.monotonic() + 20
        while self.bus("Iface1")["answers"] < 5:
            assert time.monotonic() < end
            time.sleep(0.02)
        began = time.monotonic()
        self.client = connect(self.daemon.iface[1])
        for address in (1, 2, 1, 2):
            frame = bytes([address, 0])
            self.client.sendall(frame + crc16(frame))
            same(receive(self.client, 4), frame + crc16(frame), "ping of meter %d" % address)
        assert time.monotonic() - began < 5

    def others_go_on(self):
        """Their exchanges go on at full pace; on this one nothing is said but by the client."""
        before = {name: self.bus(name)["answers"] for name in ("Iface1", "Iface2", "Iface3")}
        end = time.monotonic() + 30
        while min(self.bus(name)["answers"] - before[name] for name in ("Iface2", "Iface3")) < 60:
            assert time.monotonic() < end, before
            time.sleep(0.1)
        now = self.bus("Iface1")
        assert now["state"] == "transit" and now["answers"] == before["Iface1"], (now, before)
        assert select.select([self.client], [], [], 0)[0] == [], "somebody else's bytes"

    def catches_up(self):
        self.client.close()
        self.daemon.wait_complete(60)
        rows = self.daemon.get("meters?limit=0")["rows"]
        assert all(r["state"] == "ok" for r in rows), [r["state"] for r in rows]
        lost = [r for r in self.daemon.get("journal/meter/answ?limit=1000")["rows"] if not r["answer"]]
        assert not lost, lost
        assert street_check.check_street(self.daemon, STREET, self.meters) > 0
        assert self.daemon.stop() == 0
        self.street.stop()


def main():
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    report = Report()
    with Directory() as directory:
        t = Transit(directory)
        for name, case in (
                ("the table is what the board says", t.table_is_the_board),
                ("four buses at once, all bytes, nothing crosses", t.four_at_once),
                ("line settings, also during a session", t.line_settings),
                ("connecting is silent", t.silent_connect), ("old bytes do not reach the client", t.stale),
                ("a second client is refused", t.refuse), ("half-close", t.half_close),
                ("rows change under a session", t.settings), ("behind a TLS proxy", t.proxied),
                ("the journal tells of all", t.journalled), ("20 drops in mid-exchange", t.reconnect), ("a client that does not read", t.stall),
                ("bulk at the rate of the line", t.bulk), ("idle", t.idle), ("kick", t.kick),
                ("wait", t.wait), ("shared", t.shared),
                ("networks that may come", t.allowed), ("pauses inside a frame", t.frame_hold),
                ("RFC 2217", t.rfc2217), ("RFC 2217 with pyserial", t.pyserial),
                ("the device vanishes and returns", t.device_gone),
                ("RTU-327 on two ports", t.rtu_rows),
                ("the end of the daemon closes sessions", t.shutdown)):
            report.case(name, case)
    with Directory() as directory:
        town = Town(directory)
        for name, case in (("a meter through transit while polled", town.through),
                           ("the other buses go on", town.others_go_on),
                           ("polling catches up", town.catches_up)):
            report.case(name, case)
    report.end()


main()
