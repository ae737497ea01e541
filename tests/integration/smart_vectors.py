"""A client of the SMART-JSON protocol, and a player of tests/vectors/smart-json.jsonl for it.

    smart = Smart(daemon.http)
    smart.login()                                   # admin, admin
    smart.get("/settings/ip", 40)                   # the document, of a good answer
    smart.ask("PUT", "/settings/uart", body, 31)    # an Answer: status, headers, body, json()
    play(smart, case)                               # raises AssertionError that says what differs

Bodies are compared whole.  With form=True they are compared by form: members and kinds of values,
not figures, and lists of any length whose items have the form of the one that is expected.
"""

import copy
import http.client
import json
import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))
VECTORS = os.path.join(os.path.dirname(HERE), "vectors", "smart-json.jsonl")
TICKET = "17184312021718431202"         # stands for a valid ticket in the vectors
LOGOFF_TICKET = "17184330551204598137"  # and this for one that may be lost


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return "%d %s" % (self.status, self.body[:400])


class Smart:
    """One client with one ticket; every request opens a connection, as the maker's library does."""

    def __init__(self, port, host="127.0.0.1", seconds=60):
        self.port, self.host, self.seconds = port, host, seconds
        self.ticket = None

    def send(self, method, path, body=None, headers=()):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=self.seconds)
        try:
            connection.putrequest(method, path, skip_accept_encoding=True)
            for name, value in dict(headers).items():
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def ask(self, method, path, body=None, dialect=40, raw=None, **headers):
        """body: a JSON value; raw: text or bytes as they are.  dialect None: no header."""
        fields = {k.replace("_", "-"): v for k, v in headers.items()}
        if dialect is not None:
            fields["X-Protocol-USPD"] = str(dialect)
        if self.ticket:
            fields.setdefault("Cookie", "sessionid=" + self.ticket)
        if body is not None:
            raw = json.dumps(body, ensure_ascii=False)
        if isinstance(raw, str):
            raw = raw.encode()
        if raw is not None:
            fields.setdefault("Content-Type", "application/json")
        return self.send(method, path, raw, fields)

    def login(self, login="admin", password="admin"):
        """A new ticket; AssertionError when it is refused."""
        self.ticket = None
        answer = self.ask("POST", "/auth", {"login": login, "password": password})
        assert answer.status == 200, answer
        self.ticket = re.search(r"sessionid=(\d{20})", answer.headers["Set-Cookie"]).group(1)
        return self.ticket

    def get(self, path, dialect=40, wanted=200):
        answer = self.ask("GET", path, dialect=dialect)
        assert answer.status == wanted, (path, dialect, answer)
        return answer.json()

    def write(self, method, path, body=None, dialect=40, wanted=200):
        """wanted: a status or several."""
        answer = self.ask(method, path, body, dialect)
        statuses = wanted if isinstance(wanted, (tuple, list)) else (wanted,)
        assert answer.status in statuses, (method, path, dialect, body, answer)
        return answer.json()


# ---- comparing ----

def differences(wanted, got, form=False, where=""):
    """Yields what differs, as text.  null and [] are one empty list."""
    if wanted in (None, []) and got in (None, []):
        return
    if isinstance(wanted, dict):
        if not isinstance(got, dict):
            yield "%s: %r is no object" % (where, got)
            return
        for name in wanted:
            if name not in got:
                yield "%s/%s is missing" % (where, name)
            else:
                yield from differences(wanted[name], got[name], form, where + "/" + name)
        if not form:
            yield from ("%s/%s is too much" % (where, name) for name in got if name not in wanted)
    elif isinstance(wanted, list):
        if not isinstance(got, list):
            yield "%s: %r is no list" % (where, got)
        elif form:
            for i, item in enumerate(got):
                yield from differences(wanted[0], item, form, "%s/%d" % (where, i)) if wanted else ()
        elif len(wanted) != len(got):
            yield "%s: %d items instead of %d: %r" % (where, len(got), len(wanted), got)
        else:
            for i, item in enumerate(wanted):
                yield from differences(item, got[i], form, "%s/%d" % (where, i))
    elif form:
        if wanted is not None and got is not None and kind(wanted) != kind(got):
            yield "%s: %r has not the form of %r" % (where, got, wanted)
    elif kind(wanted) != kind(got) or wanted != got:
        yield "%s: %r instead of %r" % (where, got, wanted)


def kind(value):
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__


# ---- playing ----

def load(wanted=lambda case: True):
    """The cases, in their order, as objects with the members of the file."""
    with open(VECTORS, encoding="utf-8") as f:
        return [case for case in map(json.loads, f) if wanted(case)]


def settings(case):
    """Does the case concern a table of settings?"""
    return case["request"]["path"].startswith("/settings/")


def needs_archive(case):
    """Does the body of the answer assume an archive (smart-json.md 22)?"""
    return case["request"]["path"].startswith("/meter/data") and "body" in case["response"]


def play(smart, case, form=None):
    """Sends the request and compares the answer.  form None: as the kind of case has it."""
    request, response = copy.deepcopy(case["request"]), case["response"]
    headers = request.get("headers", {})
    if LOGOFF_TICKET in headers.get("Cookie", ""):
        other = Smart(smart.port, smart.host)
        headers["Cookie"] = headers["Cookie"].replace(LOGOFF_TICKET, other.login())
    headers = {name: value.replace(TICKET, smart.ticket) for name, value in headers.items()}
    raw = request.get("raw")
    if "body" in request:
        raw = json.dumps(request["body"], ensure_ascii=False)
    answer = smart.send(request["method"], request["path"], None if raw is None else raw.encode(), headers)

    name = case["case"]
    statuses = response.get("status_any", [response["status"]])
    assert answer.status in statuses, "%s: %r instead of %r" % (name, answer, statuses)
    for field, value in response.get("headers", {}).items():
        got = answer.headers.get(field, "")
        assert re.search(value, got) if value.startswith("^") else got == value, \
            "%s: %s: %r instead of %r" % (name, field, got, value)
    if "body" in response and answer.status == response["status"]:
        by_form = not settings(case) if form is None else form
        plain = not answer.headers.get("Content-Type", "").startswith("application/json")
        got = answer.body.decode() if plain else answer.json()
        found = list(differences(response["body"], got, by_form and not plain))
        assert not found, "%s: %s" % (name, "; ".join(found))
    return answer
