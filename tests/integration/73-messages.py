#!/usr/bin/env python3
"""Messages with data of meters against a real broker and servers of mail and web that misbehave:
nothing is lost, order is kept, and what comes twice shows in its msgId (system.md 10.4)."""

import email
import email.policy
import http.server
import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import smart_vectors
from uspd import ROOT, Daemon, Directory, Report, Street

MOSQUITTO = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin")
STREET = {"tz_min": 180, "history_days": 2, "buses": [
    {"name": "Iface1", "pty": True, "meters": [
        {"type": "mercury236", "count": 3, "first_address": 1, "first_serial": "73000001"}]}]}
SETTINGS = {"events__poll_offset_s": 0, "events__settle_s": 0, "poll__backfill_days": 1, "poll__journal_min": 0,
            "http__force_change": 0, "http__post_upsert": 1, "message__retry_most_s": 1, "message__mail_csv": 1}
ACTIONS = 60
PREFIX, DEVICE = "askue", "box-73"


# ---- a broker and who listens there ----

class Broker:
    def __init__(self, directory, tls=False):
        self.directory, self.tls = directory, tls
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.file = os.path.join(directory, "mosquitto-%d.conf" % self.port)
        lines = ["listener %d 127.0.0.1" % self.port, "allow_anonymous true", "persistence true",
                 "persistence_file mosquitto-%d.db" % self.port, "persistence_location %s/" % directory,
                 "max_queued_messages 0", "user root"]
        if tls:
            key, cert = os.path.join(directory, "key.pem"), os.path.join(directory, "cert.pem")
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                            "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out",
                            cert], check=True, capture_output=True)
            lines += ["certfile " + cert, "keyfile " + key]
            with open(cert, encoding="ascii") as f:
                self.cert = f.read()
        with open(self.file, "w", encoding="ascii") as f:
            f.write("\n".join(lines) + "\n")
        self.child = None
        self.start()

    def start(self):
        self.child = subprocess.Popen([MOSQUITTO, "-c", self.file], stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL)
        end = time.monotonic() + 5
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise AssertionError("the broker does not start")

    def stop(self, number=signal.SIGTERM):
        self.child.send_signal(number)
        self.child.wait()


class Listener(threading.Thread):
    """Subscribes to everything, with a session that outlives the broker."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.got, self.lock = port, [], threading.Lock()
        self.ending, self.ready = False, threading.Event()
        self.start()
        assert self.ready.wait(10)

    @staticmethod
    def packet(kind, body):
        length, n = b"", len(body)
        while True:
            n, digit = n >> 7, n & 127
            length += bytes([digit | (128 if n else 0)])
            if not n:
                return bytes([kind]) + length + body

    def serve(self, s):
        text = lambda t: struct.pack(">H", len(t)) + t.encode()
        s.sendall(self.packet(0x10, text("MQTT") + b"\x04\x00\x00\x3c" + text("listener")))
        s.sendall(self.packet(0x82, b"\x00\x01" + text("#") + b"\x01"))
        data = b""
        while not self.ending:
            if not select.select([s], [], [], 0.1)[0]:
                continue
            chunk = s.recv(65536)
            if not chunk:
                return
            data += chunk
            while True:
                size, shift, at = 0, 0, 1
                while at < len(data) and at < 5:
                    size |= (data[at] & 127) << shift
                    shift, at = shift + 7, at + 1
                    if not data[at - 1] & 128:
                        break
                else:
                    break
                if len(data) < at + size:
                    break
                self.take(s, data[0], data[at:at + size])
                data = data[at + size:]

    def take(self, s, head, body):
        if head >> 4 == 9:
            self.ready.set()
        if head >> 4 != 3:
            return
        n = struct.unpack(">H", body[:2])[0]
        topic, rest = body[2:2 + n].decode(), body[2 + n:]
        if head >> 1 & 3:
            s.sendall(b"\x40\x02" + rest[:2])
            rest = rest[2:]
        with self.lock:
            self.got.append((topic, rest))

    def run(self):
        while not self.ending:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 2) as s:
                    self.serve(s)
            except OSError:
                pass
            time.sleep(0.05)

    def messages(self, part="/out/t/"):
        with self.lock:
            return [(topic, json.loads(body)) for topic, body in self.got if part in topic]

    def states(self):
        with self.lock:
            return [body.decode() for topic, body in self.got if topic.endswith("/out/state")]


# ---- mail and web ----

class Mail(threading.Thread):
    """A server of mail.  modes: what it does with the next letters; then it takes them."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.modes, self.letters, self.seen = [], [], 0
        self.start()

    def run(self):
        while True:
            s, _ = self.socket.accept()
            try:
                with s, s.makefile("rwb", 0) as f:
                    self.serve(f)
            except OSError:
                pass

    def serve(self, f):
        say = lambda text: f.write(text.encode() + b"\r\n")
        mode = None
        say("220 sink")
        while True:
            line = f.readline().decode().strip().upper()
            if not line:
                return
            if line.startswith(("EHLO", "HELO")):
                say("250 sink")
            elif line.startswith("RCPT"):
                self.seen += 1
                mode = self.modes.pop(0) if self.modes else "take"
                say({"4xx": "451 later", "5xx": "550 no such user"}.get(mode, "250 ok"))
            elif line == "DATA":
                say("354 go on")
                data = b""
                while not data.endswith(b"\r\n.\r\n"):
                    data += f.read(1 if mode == "cut" and len(data) > 200 else 65536)
                    if mode == "cut" and len(data) > 200:
                        return
                self.letters.append(email.message_from_bytes(data[:-3], policy=email.policy.default))
                say("250 taken")
            elif line == "QUIT":
                say("221 bye")
                return
            else:
                say("250 ok")


class Web:
    """Takes posts; statuses: its next answers, then 204."""

    def __init__(self):
        web = self
        self.statuses, self.posts = [], []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = web.statuses.pop(0) if web.statuses else 204
                if status == 204:
                    web.posts.append((self.path, json.loads(body)))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *unused):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


# ---- the device ----

class Box:
    def __init__(self, directory, links):
        self.directory, self.links = directory, links
        self.daemon = None
        self.start()
        self.minute = int(time.time()) // 60 * 60 + 600

    def start(self):
        self.daemon = Daemon(self.directory, self.links)
        self.smart = smart_vectors.Smart(self.daemon.http)
        self.smart.login()

    def post(self, table, rows):
        self.smart.write("POST", "/settings/" + table, {"Settings": rows})

    def fire(self, wait=1.3):
        """The minute begins."""
        self.minute += 300
        text = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.minute - 1))
        self.smart.write("PUT", "/action/time/set", {"time": text})
        time.sleep(wait)

    def made(self, kind="MQTTMeterMessages"):
        """msgIds of messages that the outbox has taken."""
        rows = self.smart.get("/jrnl/action?full=1")["Jrnl"] or []
        return [r["note"].split()[1] for r in rows
                if r["action"]["type"] == kind and r["result"] == "ok" and r["note"].startswith("msgId")]

    def journal(self, name):
        return self.smart.get("/jrnl/%s?limit=5000" % name)["Jrnl"] or []

    def waiting(self):
        return [n for n in os.listdir(os.path.join(self.daemon.data_dir, "outbox")) if len(n) == 16]

    def bind(self, kind, first, count):
        self.smart.write("PUT", "/settings/events/manager?mode=replace", {"Settings": [
            {"id": n + 1, "eventType": "Scheduler", "eventId": 1, "actionType": kind, "actionId": first + n}
            for n in range(count)]})


def until(condition, seconds, what):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("not within %d s: %s" % (seconds, what() if callable(what) else what))
        time.sleep(0.05)


def in_order(ids):
    first = list(dict.fromkeys(ids))
    return first == sorted(first)


def set_up(box, street, broker):
    box.daemon.put_settings(**SETTINGS)
    box.daemon.import_meters(street.meters_csv())
    box.daemon.wait_complete(60)
    box.post("templates/arch", [{"name": "day", "types": ["ElDayEnergy", "ElConfig"]},
                                {"name": "now", "types": ["ElMomentEnergy"]}])
    box.post("templates/meter", [{"name": "two", "meters": [1, 2, 99]}])
    box.post("templates/messages", [
        {"id": 1, "meterDataTemplateId": 1, "meterTemplateId": 1, "dataDepth": 2, "dataClass": "arch"},
        {"id": 2, "meterDataTemplateId": 2, "dataDepth": 1, "dataClass": "moment"}])
    box.post("templates/email", [{"id": 1, "emailName": "duty@example.net"}])
    box.post("servers/mqtt", [{"id": 1, "addr": "127.0.0.1", "port": broker.port, "prefix": PREFIX,
                               "deviceID": DEVICE, "cropt": 1}])
    box.post("actions/mqtt", [{"id": n, "meterMessageId": 1, "brokerId": 1, "topic": "t/%d" % n}
                              for n in range(1, ACTIONS + 1)])
    box.post("events/schdl", [{"id": 1, "min": 5}])


def main():
    report = Report()
    schema = json.load(open(os.path.join(ROOT, "docs", "message.schema.json"), encoding="utf-8"))
    with Directory() as directory:
        street = Street(directory, STREET, "--unpaced")
        box, broker = Box(directory, street.links), Broker(directory)
        listener, mail, web = Listener(broker.port), Mail(), Web()
        set_up(box, street, broker)

        def content_is_what_the_archive_has():
            box.bind("MQTTMeterMessages", 1, 1)
            box.fire()
            until(lambda: len(listener.messages()) >= 1, 5, "no message")
            topic, body = listener.messages()[0]
            assert topic == "%s/%s/out/t/1" % (PREFIX, DEVICE), topic
            try:
                import jsonschema
                jsonschema.validate(body, schema)
            except ImportError:
                pass
            assert [m["measure"] for m in body["measures"]] == ["ElDayEnergy", "ElConfig"], body
            asked = box.smart.ask("POST", "/meter/data/arch", {"ids": [1, 2], "measures": ["ElDayEnergy"]}).json()
            for sent, kept in zip(body["measures"][0]["devices"], asked["measures"][0]["devices"]):
                assert sent["vals"] and sent["vals"] == kept["vals"][-2:], (sent, kept)
                assert {k: sent[k] for k in ("id", "serial", "model")} == {k: kept[k] for k in ("id", "serial", "model")}
            until(lambda: listener.states()[:1] == ["online"], 5, "no state")

        def broker_and_daemon_die_while_sending():
            box.bind("MQTTMeterMessages", 1, ACTIONS)
            made = set(box.made())
            box.fire(0.9)
            for _ in range(2):
                broker.stop()
                time.sleep(0.3)
                broker.start()
                box.fire(1.2)
            until(lambda: len(box.made()) >= 1 + 3 * ACTIONS, 10, lambda: "made %d" % len(box.made()))
            # More rows a minute are counted, not kept (system.md 11).
            until(lambda: len(box.journal("mqtt/message")) == 100, 5,
                  lambda: "%d rows of messages" % len(box.journal("mqtt/message")))
            broker.stop()
            box.fire(1.2)
            until(lambda: len(box.made()) >= 1 + 4 * ACTIONS, 10, lambda: "made %d" % len(box.made()))
            made = set(box.made())
            assert len(box.waiting()) >= ACTIONS, len(box.waiting())
            broker.start()
            time.sleep(0.3)
            box.daemon.stop(signal.SIGKILL)
            box.start()
            until(lambda: made <= {b["msgId"] for _, b in listener.messages()} and not box.waiting(), 15,
                  lambda: "%d waiting" % len(box.waiting()))
            ids = [b["msgId"] for _, b in listener.messages()]
            print("      mqtt: sent %d received %d lost %d doubled %d" % (
                len(made), len(set(ids)), len(made - set(ids)), len(ids) - len(set(ids))), flush=True)
            assert set(ids) == made, (len(set(ids) - made), len(made - set(ids)))
            assert in_order(ids), [i for i, k in zip(ids, ids[1:]) if i > k][:5]
            assert "offline" in listener.states(), listener.states()
            until(lambda: {r["res"] for r in box.journal("mqtt/connect")} >= {0, 2}, 5, "connections in the journal")

        def readings_made_now():
            box.post("actions/mqtt", [{"id": 101, "meterMessageId": 2, "brokerId": 1, "topic": "now"}])
            box.bind("MQTTMeterMessages", 101, 1)
            box.fire()
            until(lambda: listener.messages("/out/now"), 8, "no message")
            devices = listener.messages("/out/now")[0][1]["measures"][0]["devices"]
            assert len(devices) == 3 and all(len(d["vals"]) == 1 for d in devices), devices

        def brokers_with_version_5_and_tls():
            other = Broker(directory, tls=True)
            box.daemon.put_settings(mqtt__version=5)
            box.post("servers/mqtt", [{"id": 2, "addr": "127.0.0.1", "port": other.port, "prefix": "",
                                       "deviceID": "tls", "cropt": 2}])
            box.post("actions/mqtt", [{"id": 102, "meterMessageId": 1, "brokerId": 2, "topic": "a"},
                                      {"id": 103, "meterMessageId": 1, "brokerId": 1, "topic": "v5"}])
            box.bind("MQTTMeterMessages", 102, 2)
            box.fire()
            until(lambda: listener.messages("/out/v5"), 5, "no message by version 5")
            until(lambda: 3 in {r["res"] for r in box.journal("mqtt/connect")}, 5,
                  lambda: "an unknown certificate: %r" % box.journal("mqtt/connect")[-3:])
            assert len(box.waiting()) == 1, box.waiting()
            box.daemon.put_settings(message__ca=os.path.join(directory, "cert.pem"))
            until(lambda: not box.waiting(), 8, "not delivered by TLS")
            other.stop()

        def mail_is_refused_cut_and_taken():
            box.post("servers/smtp", [{"id": 1, "email": "um@example.net", "server": "127.0.0.1", "port": mail.port,
                                       "userName": "", "userPassword": ""}])
            box.post("actions/smtp", [{"id": n, "meterMessageId": 1, "emailFromId": 1, "emailToId": 1}
                                      for n in range(1, 6)])
            box.bind("SMTPMeterMessages", 1, 5)
            mail.modes = ["4xx", "cut", "take", "5xx"]
            box.fire()
            until(lambda: len(mail.letters) >= 4 and not box.waiting(), 12,
                  lambda: "%d letters, %d seen" % (len(mail.letters), mail.seen))
            made, ids = box.made("SMTPMeterMessages"), []
            for letter in mail.letters:
                parts = {p.get_filename(): p for p in letter.iter_attachments()}
                name = next(n for n in parts if n.endswith(".json"))
                ids.append(json.loads(parts[name].get_content())["msgId"])
                assert letter["To"] == "duty@example.net" and ids[-1] in letter["Subject"], dict(letter)
                table = parts[name[:-5] + ".csv"].get_content().split("\n")
                assert table[0].startswith("measure;meterId") and len(table) > 20, table[:2]
            print("      mail: sent %d received %d refused %d doubled %d" % (
                len(made), len(set(ids)), len(set(made) - set(ids)), len(ids) - len(set(ids))), flush=True)
            assert in_order(ids) and len(made) == 5 and len(set(ids)) == len(ids) == 4, (made, ids)
            until(lambda: sorted(r["res"] for r in box.journal("mail/send")) == [0, 0, 0, 0, 4, 6, 6], 5,
                  lambda: [r["res"] for r in box.journal("mail/send")])
            until(lambda: sorted(r["action"] for r in box.journal("mail/msg")) == [1] * 5 + [2] * 5, 5,
                  lambda: [r["action"] for r in box.journal("mail/msg")])

        def posts_to_a_web_server():
            box.post("servers/mqtt", [{"id": 3, "addr": "http://127.0.0.1:%d/in" % web.port, "port": 80,
                                       "prefix": "", "deviceID": "", "cropt": 0}])
            box.post("actions/mqtt", [{"id": 200 + n, "meterMessageId": 1, "brokerId": 3, "topic": "a/%d" % n}
                                      for n in range(3)])
            box.bind("MQTTMeterMessages", 200, 3)
            web.statuses = [503, 500]
            box.fire()
            until(lambda: len(web.posts) >= 3 and not box.waiting(), 8, lambda: "%d posts" % len(web.posts))
            assert [p for p, _ in web.posts] == ["/in/a/0", "/in/a/1", "/in/a/2"], web.posts
            assert in_order([b["msgId"] for _, b in web.posts])

        def ends_in_order():
            assert box.daemon.stop() == 0, "\n".join(box.daemon.lines[-20:])
            until(lambda: listener.states()[-1] == "offline", 5, listener.states)

        report.case("a message has what the archive has", content_is_what_the_archive_has)
        report.case("broker and daemon die while sending", broker_and_daemon_die_while_sending)
        report.case("readings made now", readings_made_now)
        report.case("version 5 and TLS", brokers_with_version_5_and_tls)
        report.case("mail is refused, cut, and taken", mail_is_refused_cut_and_taken)
        report.case("posts to a web server", posts_to_a_web_server)
        report.case("the daemon ends in order", ends_in_order)
        listener.ending = True
        broker.stop(signal.SIGKILL)
        street.stop()
    report.end()


if MOSQUITTO is None:
    print("mosquitto is not installed")
    sys.exit(77)
main()
