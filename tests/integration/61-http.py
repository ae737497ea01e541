#!/usr/bin/env python3
"""Hostile and clumsy clients of the HTTP server: garbage, wrong types, slow senders, floods of header
fields, tricks with paths, half-open connections, five hundred at once.  Every one gets its status,
the daemon stays alive, and its memory is afterwards what it was before."""

import json
import os
import select
import socket
import time

from uspd import Daemon, Directory, Report, resident_kib

GOOD = {"login": "admin", "password": "admin"}
CROWD, ROUNDS = 500, 3


def sockets(pid):
    """Open sockets; a reader of the database may be opened late."""
    folder = "/proc/%d/fd/" % pid
    return sum(os.readlink(folder + name).startswith("socket:") for name in os.listdir(folder))


class Client:
    """A connection whose bytes we choose ourselves."""

    def __init__(self, port, seconds=20):
        self.socket = socket.create_connection(("127.0.0.1", port), seconds)

    def send(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass        # refused already; the answer is there to be read
        return self

    def answer(self):
        """Status, fields and body; status 0 when the server closed without a word."""
        data = b""
        try:
            while chunk := self.socket.recv(65536):
                data += chunk
                head, end, body = data.partition(b"\r\n\r\n")
                length = [int(f[15:]) for f in head.split(b"\r\n") if f.lower().startswith(b"content-length:")]
                if end and length and len(body) >= length[0]:
                    break
        except ConnectionResetError:
            pass
        self.socket.close()
        head, _, body = data.partition(b"\r\n\r\n")
        return (int(head.split()[1]) if head else 0), head.decode("latin-1"), body


class Server:
    def __init__(self, directory):
        self.daemon = Daemon(directory)
        self.port = self.daemon.http
        self.token = "Authorization: Bearer %s\r\n" % self.daemon.token
        status, head, body = self.ask("POST", "/auth", json.dumps(GOOD).encode(), token=False)
        assert (status, body) == (200, b"200 OK"), (status, head, body)
        self.cookie = "Cookie: " + head.split("Set-Cookie: ")[1].split(";")[0] + "\r\n"

    def ask(self, method, path, body=b"", fields="", token=True, client=None):
        head = "%s %s HTTP/1.1\r\nHost: localhost\r\n%s%sContent-Length: %d\r\n\r\n" % (
            method, path, self.token if token else "", fields, len(body))
        return (client or Client(self.port)).send(head.encode("latin-1") + body).answer()

    def raw(self, data):
        return Client(self.port).send(data).answer()

    def expect(self, wanted, method, path, body=b"", fields="", token=True):
        wanted = wanted if isinstance(wanted, tuple) else (wanted,)
        status, head, answer = self.ask(method, path, body, fields, token)
        assert status in wanted, (method, path, body[:60], status, answer[:200])
        if status >= 400 and method != "HEAD":
            told = json.loads(answer)
            assert told["res"] > 0 and told["error"], answer
        return head, answer

    def alive(self):
        self.expect(200, "GET", "/api/v1/status")


# ---- what is wrong with one request ----

def garbage(s):
    for data in (b"\r\n\r\n\0\0", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"SSH-2.0-x\r\n\r\n",
                 b"GET\r\n\r\n", b"GET /\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 3000 + b"\r\n\r\n",
                 b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", b"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n",
                 b"GET / HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n", b"GET / HTTP/1.1\r\nHost: \0\r\n\r\n",
                 b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n"):
        client = Client(s.port).send(data)
        client.socket.shutdown(socket.SHUT_WR)
        status = client.answer()[0]
        # Bytes that never make a head get no answer.
        assert status in (400, 505) or (status == 0 and b"\r\n\r\n" not in data.lstrip(b"\r\n")), (data, status)
    s.alive()


def bad_bodies(s):
    path = "/api/v1/meters"
    for body, wanted in ((b"", 400), (b"{", 400), (b"\0", 400), (b"[1,2", 400), (b"{} {}", 400), (b"nan", 400),
                         (b"[NaN]", 400), (b"[Infinity]", 400), (b"[1e999]", (400, 422)), (b'["\xff"]', 400),
                         (b'["\\ud800"]', 400), (b'{"a\\u0000":1}', (400, 422)), (b"[" * 100000, 400),
                         (b'{"id":99999999999999999999999}', (400, 422)), (b'{"id":{}}', 422), (b"7", 400),
                         (b'{"id":-1}', 422), (b'{"id":1.5}', 422), (b'{"id":1e3}', 422), (b"null", 400),
                         (b'{"id":1,"type":[],"addr":{},"iface":7}', 422), (b'[[[[]]]]', 422),
                         (b'{"' + b"a" * 500000 + b'":1}', 422)):
        s.expect(wanted, "POST", path, body)
    for body in (b"", b"{}", b"[]", b"null", b'"x"', b'{"login":1,"password":[]}', b'{"login":"a"}', b"login=a",
                 b'{"login":"' + b"a" * 60000, b"\xef\xbb\xbf"):
        s.expect(400, "POST", "/auth", body, token=False)
    # Well-formed, if long: a stranger.
    s.expect(403, "POST", "/auth", json.dumps({"login": "я" * 9000, "password": "x" * 9000}).encode(),
             token=False)
    s.expect(413, "POST", "/auth", b"x" * 70000, token=False)
    s.expect(413, "POST", path, b"[" + b" " * (9 << 20) + b"]")
    s.alive()


def lengths(s):
    start = b"POST /api/v1/meters HTTP/1.1\r\nHost: x\r\n" + s.token.encode()
    for fields, body, wanted in (
            (b"Content-Length: -1\r\n", b"[]", 400), (b"Content-Length: 2\r\nContent-Length: 2\r\n", b"[]", 400),
            (b"Content-Length: 99999999999999999999\r\n", b"", 400), (b"Content-Length: 2x\r\n", b"[]", 400),
            (b"Content-Length: 9999999999\r\n", b"", 413), (b"Content-Length: +2\r\n", b"[]", 400),
            (b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n", 400),
            (b"Transfer-Encoding: gzip, chunked\r\n", b"", 501), (b"Transfer-Encoding: chunked\r\n", b"x\r\n", 400),
            (b"Transfer-Encoding: chunked\r\n", b"-1\r\n", 400),
            (b"Transfer-Encoding: chunked\r\n", b"fffffffffffffffff\r\n", 400),
            (b"Transfer-Encoding: chunked\r\n", b"2\r\n[]x", 400),
            (b"Transfer-Encoding: chunked\r\n", b"100000\r\n" + b" " * (2 << 20), (400, 413)),
            (b"Transfer-Encoding: chunked\r\n", b"1;" + b"x" * 9000 + b"\r\n", 400)):
        wanted = wanted if isinstance(wanted, tuple) else (wanted,)
        status = s.raw(start + fields + b"\r\n" + body)[0]
        assert status in wanted, (fields, body[:20], status)
    s.alive()


def paths(s):
    for path in ("/../../etc/passwd", "/..%2f..%2fetc%2fpasswd", "/%2e%2e/%2e%2e/etc/passwd", "/a/../../b.html",
                 "/..%5c..%5cx.html", "/./../x", "/api/v1/../../x", "//../x", "/api.token", "/%00.html", "/.%00.",
                 "/x.html%00", "/.git/config.txt", "/index.html/../../api.token", "/\xff\xfe.html"):
        status = s.ask("GET", path)[0]
        assert status in (400, 404, 405), (path, status)
        assert s.ask("GET", path, token=False)[0] in (400, 401, 404), path
    for path in ("//api///v1//status/", "/api/v1/%73tatus", "http://x/api/v1/status"):
        s.expect(200, "GET", path)
    for method, path, wanted in (("GET", "/settings/nonsense", 405), ("TRACE", "/auth", 405), ("get", "/auth", 405),
                                 ("GET", "/auth", 405), ("DELETE", "/main_index", 405), ("GET", "/api/v1/x", 404),
                                 ("POST", "/main.html", 405), ("CONNECT", "/x", 405), ("GET", "/api/v2", 405)):
        s.expect(wanted, method, path)
    s.expect(414, "GET", "/" + "a" * 9000)
    s.expect(414, "GET", "/?" + "a" * 60000)
    s.expect(200, "GET", "/api/v1/status?" + "&".join("a%d=1" % i for i in range(30)))
    s.expect(400, "GET", "/api/v1/status?" + "&".join("a%d=1" % i for i in range(100)))


def many_fields(s):
    s.expect(431, "GET", "/api/v1/status", fields="".join("X-%d: y\r\n" % i for i in range(100)))
    s.expect(431, "GET", "/api/v1/status", fields="X: %s\r\n" % ("y" * 40000))
    s.expect(200, "GET", "/api/v1/status", fields="X: %s\r\n" % ("y" * 30000))
    cookies = "; ".join("sessionid=%020d" % i for i in range(1000))
    s.expect(401, "GET", "/main_index", fields="Cookie: %s\r\n" % cookies, token=False)
    s.expect(200, "GET", "/main_index", fields=s.cookie.rstrip() + "; " + cookies + "\r\n", token=False)
    # A flood that does not end is cut off.
    client = Client(s.port)
    client.send(b"GET / HTTP/1.1\r\nHost: x\r\n")
    for _ in range(2000):
        client.send(b"X-Flood: " + b"z" * 1000 + b"\r\n")
    assert client.answer()[0] in (431, 0)
    s.alive()


def strangers(s):
    for path in ("/main_index", "/settings/ip", "/api/v1/status", "/api/v1/settings", "/metrics", "/jrnl/time"):
        head, _ = s.expect(401, "GET", path, token=False)
        assert "WWW-Authenticate" not in head
    for cookie in ("", "sessionid=", "sessionid=1", "sessionid=" + "9" * 20, "sessionid=" + "9" * 21):
        s.expect(401, "GET", "/main_index", fields="Cookie: %s\r\n" % cookie, token=False)
    s.expect(403, "GET", "/main_index", fields=s.cookie + "Origin: http://evil.example\r\n", token=False)
    s.expect(403, "POST", "/auth", json.dumps(GOOD).encode(), "Origin: null\r\n", token=False)
    s.expect(200, "GET", "/main_index", fields=s.cookie + "Origin: http://localhost\r\n", token=False)
    # The factory password: reading yes, writing no.
    s.expect(200, "GET", "/api/v1/status", fields=s.cookie, token=False)
    s.expect(403, "POST", "/api/v1/meters", b"[]", s.cookie, token=False)


# ---- what is wrong with many ----

def half_open(s):
    """Connections that say nothing, or half of something, make room for one who asks."""
    clients = [Client(s.port) for _ in range(300)]
    for i, client in enumerate(clients):
        client.send((b"", b"GET /api", b"POST /auth HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{")[i % 3])
    begun = time.monotonic()
    s.alive()
    assert time.monotonic() - begun < 10, "had to wait %.1f s" % (time.monotonic() - begun)
    for client in clients:
        client.socket.close()
    s.alive()


def droppers(s):
    """Clients that leave in the middle of the answer, or of their question."""
    head = "GET /api/v1/settings HTTP/1.1\r\nHost: x\r\n%s\r\n" % s.token
    for i in range(200):
        client = Client(s.port).send(head.encode()[:None if i % 2 else i])
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.socket.close()
    s.alive()


def crowd(s):
    """All connect before the first asks; all are answered."""
    head = ("GET /api/v1/status HTTP/1.1\r\nHost: x\r\n%sConnection: close\r\n\r\n" % s.token).encode()
    waiting = {}
    poller = select.poll()
    for i in range(CROWD):
        conn = socket.socket()
        conn.setblocking(False)
        try:
            conn.connect(("127.0.0.1", s.port))
        except BlockingIOError:
            pass
        waiting[conn.fileno()] = [conn, b""]
        poller.register(conn, select.POLLOUT)
    end, good = time.monotonic() + 40, 0
    while waiting and time.monotonic() < end:
        for fd, event in poller.poll(1000):
            conn, got = waiting[fd]
            if event & select.POLLOUT:
                conn.send(head)
                poller.modify(conn, select.POLLIN)
                continue
            try:
                chunk = conn.recv(65536)
            except ConnectionResetError:
                chunk = b""
            waiting[fd][1] = got + chunk
            if not chunk:
                good += got.startswith(b"HTTP/1.1 200 ") and got.endswith(b"}\n")
                poller.unregister(conn)
                conn.close()
                del waiting[fd]
    for conn, _ in waiting.values():
        conn.close()
    assert good == CROWD, "%d of %d were answered" % (good, CROWD)
    s.alive()


def flat(s, tests):
    """The same again leaves nothing behind."""
    pid = s.daemon.child.pid
    s.alive()
    time.sleep(0.5)
    before, files = resident_kib(pid), sockets(pid)
    for _ in range(ROUNDS):
        for test in tests:
            test(s)
    s.alive()
    end = time.monotonic() + 10
    while sockets(pid) > files and time.monotonic() < end:
        time.sleep(0.1)
    after = resident_kib(pid)
    print("memory %d KiB before, %d KiB after; sockets %d, %d" % (before, after, files, sockets(pid)))
    assert sockets(pid) <= files, "sockets: %d, then %d" % (files, sockets(pid))
    if os.environ.get("USPD_CONFIG", "release") in ("release", "debug", "clang"):
        assert after <= before + 2048, "%d KiB, then %d KiB" % (before, after)


def main():
    report = Report()
    with Directory() as directory:
        server = Server(directory)
        tests = [("garbage", garbage), ("bad bodies", bad_bodies), ("lengths of bodies", lengths), ("paths", paths),
                 ("many header fields", many_fields), ("strangers", strangers), ("half-open", half_open),
                 ("who leaves early", droppers), ("five hundred at once", crowd)]
        for name, test in tests:
            report.case(name, test, server)
        report.case("nothing is left behind", flat, server, [garbage, lengths, paths, droppers, crowd, half_open])
        report.case("ends properly", lambda: server.daemon.stop() == 0 or 1 / 0)
    report.end()


main()
