#!/usr/bin/env python3
"""The real nginx in front, with the configuration that the daemon makes of its settings: HTTPS, TLS
for RTU-327 and transit, versions, cookies, addresses of clients, events, uploads."""

import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import warnings

import rtu327_client as rtu
from smart_vectors import Smart
from uspd import Daemon, Directory, Process, Report, free_port, wait_until

NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
CLIENT = "127.0.0.77"       # an address of the loopback that is not the proxy's
MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so"


def context(version=None):
    warnings.simplefilter("ignore", DeprecationWarning)     # old versions are what we ask for
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    if version:
        made.minimum_version = made.maximum_version = version
        if version < ssl.TLSVersion.TLSv1_2:    # our own library refuses them otherwise
            made.set_ciphers("ALL:@SECLEVEL=0")
    return made


class Secure(Smart):
    """The same client through HTTPS."""

    def send(self, method, path, body=None, headers=()):
        connection = http.client.HTTPSConnection(self.host, self.port, timeout=self.seconds, context=context(),
                                                 source_address=(CLIENT, 0))
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            fields = dict(answer.getheaders())
            body = answer.read()
            return type("Answer", (), {"status": answer.status, "headers": fields, "body": body,
                                       "json": lambda self: json.loads(body),
                                       "__repr__": lambda self: "%d %r" % (answer.status, body[:300])})()
        finally:
            connection.close()


class Front:
    def __init__(self, directory):
        self.directory = directory
        self.https, self.plain = free_port(), free_port()
        self.rtu, self.transit = free_port(), free_port()
        self.links = os.path.join(directory, "lines")
        os.mkdir(self.links)
        master, self.slave = os.openpty()
        self.line = master
        os.symlink(os.ttyname(self.slave), os.path.join(self.links, "Iface1"))
        self.daemon = Daemon(directory, self.links)
        self.conf = os.path.join(self.daemon.data_dir, "nginx", "nginx.conf")
        self.daemon.put_settings(http__force_change=0)
        local = Smart(self.daemon.http)
        local.login()
        local.write("PUT", "/settings/servers/tcp", {"Settings": [
            {"port": self.rtu, "type": "rtu327", "tls": True},
            {"port": self.transit, "type": "iface1", "tls": True}]})
        self.daemon.put_settings(tls__https_port=self.https, tls__http_port=self.plain, tls__enabled=1)
        wait_until("configuration", lambda: os.path.exists(self.conf))
        # Workers of an nginx that root starts would be nobody's and could not reach our sockets.
        user = " user root;" if os.getuid() == 0 else ""
        self.nginx = Process([NGINX, "-e", "stderr", "-c", self.conf, "-g", "daemon off;" + user], "stderr")
        wait_until("HTTPS", lambda: self.opens(self.https))
        self.smart = Secure(self.https)

    def opens(self, port, version=None):
        """The version of a handshake, or None."""
        try:
            with socket.create_connection(("127.0.0.1", port), 5) as s:
                with context(version).wrap_socket(s) as tls:
                    return tls.version()
        except (ssl.SSLError, OSError):
            return None

    # ---- cases ----

    def versions(self):
        for port in (self.https, self.rtu, self.transit):
            assert self.opens(port, ssl.TLSVersion.TLSv1_2) == "TLSv1.2", port
            assert self.opens(port, ssl.TLSVersion.TLSv1_3) == "TLSv1.3", port
            assert self.opens(port, ssl.TLSVersion.TLSv1_1) is None, port
            assert self.opens(port, ssl.TLSVersion.TLSv1) is None, port

    def login(self):
        answer = self.smart.ask("POST", "/auth", {"login": "admin", "password": "admin"})
        assert answer.status == 200 and "Secure" in answer.headers["Set-Cookie"], answer.headers
        self.smart.login()
        assert self.smart.get("/state/time")["time"]
        plain = Smart(self.plain)
        answer = plain.ask("POST", "/auth", {"login": "admin", "password": "admin"})
        assert answer.status == 200 and "Secure" not in answer.headers["Set-Cookie"], answer.headers

    def address(self):
        tickets = self.daemon.get("tickets")
        assert CLIENT in json.dumps(tickets), tickets
        # Nobody is believed who tells an address to the proxy.
        other = Secure(self.https)
        answer = other.ask("POST", "/auth", {"login": "admin", "password": "admin"}, X_Real_IP="192.0.2.99",
                           X_Forwarded_For="192.0.2.99")
        assert answer.status == 200, answer
        assert "192.0.2.99" not in json.dumps(self.daemon.get("tickets"))

    def events(self):
        connection = http.client.HTTPSConnection("127.0.0.1", self.https, timeout=10, context=context())
        connection.request("GET", "/api/v1/events", headers={"Cookie": "sessionid=" + self.smart.ticket})
        answer = connection.getresponse()
        assert answer.status == 200, answer.status
        got, begun = b"", time.monotonic()
        while b"event: poll" not in got:
            got += answer.read1(4096)
            assert time.monotonic() - begun < 8, got
        connection.close()

    def plain_on_tls(self):
        """Whoever speaks no TLS gets nothing but a closed connection."""
        for port in (self.rtu, self.transit):
            with socket.create_connection(("127.0.0.1", port), 5) as s:
                s.sendall(b"\x01\x02 hello, this is no TLS\r\n\r\n")
                s.settimeout(10)
                got = b""
                try:
                    while chunk := s.recv(1000):
                        got += chunk
                except ConnectionResetError:
                    pass
                assert len(got) <= 7, got       # an alert at most

    def rtu327(self):
        with socket.create_connection(("127.0.0.1", self.rtu), 5, (CLIENT, 0)) as s:
            with context().wrap_socket(s) as tls:
                tls.sendall(rtu.frame(1, rtu.GETVERSION, password=rtu.password_bytes("00000000")))
                tls.settimeout(10)
                assert tls.recv(100), "no answer"
                client = tls.getsockname()
        self.journalled(client)

    def journalled(self, client):
        """The journal names the client of the proxy, to the port."""
        wanted = "%s:%d" % client
        wait_until("journal row of " + wanted, lambda: [
            row for row in self.smart.get("/jrnl/srvconn")["Jrnl"] or [] if row["client"] == wanted])

    def transit_row(self):
        with socket.create_connection(("127.0.0.1", self.transit), 5, (CLIENT, 0)) as s:
            with context().wrap_socket(s) as tls:
                tls.sendall(b"ping")
                os.set_blocking(self.line, False)
                got = wait_until("bytes on the line", lambda: self.from_line())
                assert got == b"ping", got
                os.write(self.line, b"pong!")
                tls.settimeout(10)
                answer = b""
                while len(answer) < 5:
                    answer += tls.recv(100)
                assert answer == b"pong!", answer
                client = tls.getsockname()
        self.journalled(client)

    def from_line(self):
        try:
            return os.read(self.line, 100)
        except BlockingIOError:
            return b""

    def changes(self):
        """A session survives a new configuration, and a bad one is not taken."""
        with socket.create_connection(("127.0.0.1", self.rtu), 5) as s:
            with context().wrap_socket(s) as tls:
                tls.settimeout(10)
                before = os.stat(self.conf).st_ino
                self.daemon.put_settings(tls__http_redirect=1)
                wait_until("new configuration", lambda: os.stat(self.conf).st_ino != before)
                answer = wait_until("redirect", lambda: (a := Smart(self.plain).ask("GET", "/state/time"))
                                    .status == 308 and a)
                assert answer.headers["Location"] == "https://127.0.0.1:%d/state/time" % self.https, answer.headers
                tls.sendall(rtu.frame(1, rtu.GETVERSION, password=rtu.password_bytes("00000000")))
                assert tls.recv(100), "the session did not survive"
        before = os.stat(self.conf).st_ino
        self.daemon.put_settings(tls__https_port=self.rtu)      # two servers of one port
        wait_until("complaint", lambda: any("nginx:" in line and "error" in line for line in self.daemon.drain()))
        assert os.stat(self.conf).st_ino == before
        assert self.opens(self.https), "the old configuration is not in force any more"
        self.daemon.put_settings(tls__https_port=self.https)

    def uploads(self):
        """Straight through: neither file lies with nginx, and the daemon's refusal comes back."""
        answer = self.smart.ask("POST", "/upload/firmware", raw=b"x" * (20 << 20),
                                **{"Content-Type": "application/octet-stream"})
        assert answer.status == 400 and answer.json()["error"], answer
        answer = self.smart.ask("PUT", "/settings/uart", raw=b" " * (11 << 20))
        assert answer.status == 413, answer

    def off(self):
        self.daemon.put_settings(tls__enabled=0)
        wait_until("no configuration", lambda: not os.path.exists(self.conf))
        wait_until("nginx to end", lambda: self.nginx.child.poll() is not None)

    def end(self):
        if self.nginx.child.poll() is None:
            self.nginx.stop(signal.SIGQUIT)
        self.daemon.stop()
        os.close(self.line)
        os.close(self.slave)


def main():
    if not os.path.exists(NGINX):
        print("nginx is not installed: scripts/deps.sh neighbours")
        sys.exit(77)
    built = subprocess.run([NGINX, "-V"], capture_output=True, text=True, check=False).stderr
    if not os.path.exists(MODULE) and "--with-stream " not in built + " ":
        print("nginx has no stream module: scripts/deps.sh neighbours")
        sys.exit(77)
    report = Report()
    with Directory() as directory:
        front = Front(directory)
        for case in (front.versions, front.login, front.address, front.events, front.plain_on_tls, front.rtu327,
                     front.transit_row, front.changes, front.uploads, front.off):
            report.case(case.__name__, case)
        report.case("ends cleanly", front.end)
    report.end()


main()
