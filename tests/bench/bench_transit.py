#!/usr/bin/env python3
"""What transit adds to a round trip, beside ser2net, while three other buses are polled.

One bus is a pty whose far end answers at once.  The same client asks it directly, through the daemon
and through ser2net (as installed, and tuned: no character delay), in turns; what is printed is the time
beyond the median of the direct way.  Then 1 MiB out, as fast as it goes, and 1 MiB back at the pace of
a line of 921600.  The budget (design.md): p50 / p95 / p99 at most 0.20 / 0.5 / 2 ms.

Client and far end run with real-time priority where that is allowed, so that what remains is the
delay of what is between them.
"""

import argparse
import multiprocessing
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
import tty

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../integration"))

from uspd import Daemon, Directory, Street, free_port  # noqa: E402

FRAME, ROUNDS = 16, 10
BULK, PACE = 1 << 20, 92160
STREET = {
    "tz_min": 180, "history_days": 60,
    "buses": [{"name": "Iface%d" % n, "pty": True, "speed": 9600, "meters": [
        {"type": "mercury230", "count": 30, "first_address": 1, "first_serial": "6600%d001" % n}]} for n in (2, 3, 4)],
}


def hurry():
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        pass


def talk(master):
    began, given = time.monotonic(), 0
    while given < BULK:
        due = min(BULK, int((time.monotonic() - began) * PACE))
        if due > given:
            given += os.write(master, bytes(due - given))
        time.sleep(0.001)


def far_end(master, mode, heard):
    """Echoes frame by frame at once (mode 0), or only swallows (1), or only talks (2)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    hurry()
    while True:
        what = mode.value
        if what == 2:
            talk(master)
            mode.value = 1
            continue
        if not select.select([master], [], [], 0.05)[0]:
            continue
        data = os.read(master, 65536)
        heard.value += len(data)
        if what == 0:
            os.write(master, data)


class Wire:
    """A pty and the process at its far end."""

    def __init__(self):
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        self.path = os.ttyname(self.slave)
        self.mode = multiprocessing.Value("i", 0)
        self.heard = multiprocessing.Value("q", 0)
        self.process = multiprocessing.Process(target=far_end, args=(self.master, self.mode, self.heard), daemon=True)
        self.process.start()

    def end(self):
        self.process.terminate()
        self.process.join()


def exactly(fd, n):
    got = 0
    while got < n:
        select.select([fd], [], [])
        chunk = os.read(fd, n - got)
        assert chunk, "closed"
        got += len(chunk)


def ask(fd, rounds, pause):
    """Round trips in ms of `rounds` frames, one after another."""
    frame, times = bytes(range(FRAME)), []
    for _ in range(rounds):
        began = time.perf_counter_ns()
        os.write(fd, frame)
        exactly(fd, FRAME)
        times.append((time.perf_counter_ns() - began) / 1e6)
        time.sleep(pause)
    return times


def connect(port):
    s = socket.create_connection(("127.0.0.1", port), 10)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    s.setblocking(True)
    return s


class Ser2net:
    def __init__(self, directory, name, wire, options):
        self.port = free_port()
        path = os.path.join(directory, name + ".yaml")
        with open(path, "w", encoding="ascii") as f:
            f.write("%%YAML 1.1\n---\nconnection: &bus\n    accepter: tcp(nodelay),127.0.0.1,%d\n"
                    "    connector: serialdev(nouucplock=true),%s,115200n81,local\n%s" % (
                        self.port, wire.path, options))
        self.child = subprocess.Popen(["ser2net", "-n", "-c", path, "-P", path + ".pid"],
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 5
        while True:
            try:
                self.socket = connect(self.port)
                return
            except ConnectionRefusedError:
                assert time.monotonic() < end, "ser2net does not listen"
                time.sleep(0.05)

    def end(self):
        self.socket.close()
        self.child.terminate()
        self.child.wait()


def point(times, share):
    return sorted(times)[min(len(times) - 1, int(len(times) * share))]


def bulk(wire, fd):
    """Seconds for 1 MiB to the line and 1 MiB from it."""
    wire.mode.value = 1
    time.sleep(0.1)
    began, data, wanted = time.monotonic(), memoryview(bytes(BULK)), wire.heard.value + BULK
    while data:
        data = data[os.write(fd, data[:65536]):]
    while wire.heard.value < wanted:
        time.sleep(0.001)
    out = time.monotonic() - began
    wire.mode.value = 2
    began = time.monotonic()
    exactly(fd, BULK)
    return out, time.monotonic() - began


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=2000, help="round trips of each way")
    parser.add_argument("--pause", type=float, default=0.002, help="seconds between them")
    args = parser.parse_args()
    with Directory() as directory:
        wires = {"direct": Wire(), "uspdd": Wire()}
        street = Street(directory, STREET)
        board = Daemon.board_of(street.links)
        board["lines"]["Iface1"] = {"tty": wires["uspdd"].path, "echo": "off"}
        daemon = Daemon(directory, board=board)
        daemon.put_settings(poll__journal_min=0)
        daemon.call("PUT", "../../settings/uart", b'{"Settings":[{"id":1,"iface":0,"br":115200,"size":8,'
                    b'"parity":0,"stop":1,"line":0}]}')
        daemon.import_meters(street.meters_csv())
        fds = {"direct": wires["direct"].slave}
        sockets = [connect(daemon.iface[1])]
        fds["uspdd"] = sockets[0].fileno()
        servers = []
        if shutil.which("ser2net"):
            for name, options in (("ser2net", ""), ("ser2net tuned", "    options:\n      chardelay: false\n")):
                wires[name] = Wire()
                servers.append(Ser2net(directory, name.replace(" ", "-"), wires[name], options))
                fds[name] = servers[-1].socket.fileno()
        else:
            print("ser2net is not installed (scripts/deps.sh neighbours)")
        hurry()
        times = {name: [] for name in fds}
        before = {b["bus"]: b["answers"] for b in daemon.get("status")["buses"]}
        for name, fd in fds.items():
            ask(fd, 20, 0.01)
        began = time.monotonic()
        for _ in range(ROUNDS):
            daemon.drain()
            for name, fd in fds.items():
                times[name] += ask(fd, args.frames // ROUNDS, args.pause)
        took = time.monotonic() - began
        after = {b["bus"]: b["answers"] for b in daemon.get("status")["buses"]}
        print("other buses: %s exchanges in %.0f s" % (
            ", ".join(str(after[n] - before[n]) for n in ("Iface2", "Iface3", "Iface4")), took))
        direct = point(times["direct"], 0.5)
        print("direct round trip: p50 %.3f ms, p99 %.3f ms" % (direct, point(times["direct"], 0.99)))
        print("%-16s %8s %8s %8s %8s   %s" % ("added, ms", "p50", "p95", "p99", "most", "bulk KiB/s out, back"))
        for name in list(fds)[1:]:
            out, back = bulk(wires[name], fds[name])
            print("%-16s %8.3f %8.3f %8.3f %8.3f   %.0f, %.0f" % (
                name, *(point(times[name], p) - direct for p in (0.5, 0.95, 0.99, 1)),
                BULK / 1024 / out, BULK / 1024 / back), flush=True)
        for s in sockets:
            s.close()
        for server in servers:
            server.end()
        daemon.stop()
        street.stop()
        for wire in wires.values():
            wire.end()


main()
